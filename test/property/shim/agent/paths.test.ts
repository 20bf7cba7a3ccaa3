import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import fc from "fast-check";
import { hostPathNormaliser, type HostPath } from "../../../../shim/agent/paths/host-path.ts";
import { PathRefusal } from "../../../../shim/agent/paths/refusal.ts";
import { readWirePath, stagedPath } from "../../../../shim/agent/paths/wire-path.ts";

const ROOT = "C:\\Users\\Afshin\\src\\proj";
const context = {
  root: ROOT,
  cwd: `${ROOT}\\build`,
  longName: (path: string): string | undefined =>
    path.endsWith("PROGRA~1") ? "Program Files" : path.endsWith("file~1") ? "file~1" : undefined,
};
const normalise = hostPathNormaliser(context);
const inProject = hostPathNormaliser({ ...context, cwd: ROOT });

/** Pieces that paths and attacks on them are made of, and any text. */
const piece = fc.oneof(
  fc.constantFrom(
    "\\",
    "/",
    "\\\\",
    "//",
    "?",
    ".",
    "..",
    ":",
    "C:",
    "c:\\",
    "Users",
    "AFSHIN",
    "src",
    "Proj",
    "build",
  ),
  fc.constantFrom(
    "\\\\?\\",
    "//./",
    "\\??\\",
    "UNC",
    "CON",
    "nul.txt",
    "PROGRA~1",
    "file~1",
    "A~1",
    " ",
    "\0",
    "\ud800",
    "\ufffd",
  ),
  fc.constantFrom("a", "B.c", "é", "İ", "😀", "*", "$DATA"),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const anyPath = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
/** In the project, above it, or in a folder whose name only begins like the project's. */
const nearRoot = fc
  .tuple(
    fc.constantFrom(ROOT, ROOT, ROOT.toLowerCase(), `${ROOT}-other`, "C:\\Users"),
    fc.array(fc.constantFrom("\\", "/", "..", ".", "a", "B.c", "Inc", "file~1", "PROGRA~1", "\\..\\"), {
      maxLength: 12,
    }),
  )
  .map(([start, pieces]) => `${start}\\${pieces.join("")}`);
const hostPath = fc.oneof(anyPath, nearRoot);

/** The result, or undefined for a refusal; anything else that is thrown fails the property. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof PathRefusal)) throw error;
    assert.match(error.message, /^cannot use [a-z ]+: .+; .+ \(found .+\)$/);
    return undefined;
  }
}

describe("hostPathNormaliser (properties)", () => {
  it("throws nothing but refusals", () =>
    fc.assert(
      fc.property(fc.oneof(hostPath, fc.anything()), (path) => {
        attempt(() => normalise(path));
      }),
      { numRuns: 2000 },
    ));

  it("gives project paths that stay in the project, and system paths that are outside", () =>
    fc.assert(
      fc.property(hostPath, (path) => {
        const found = attempt(() => normalise(path));
        if (found === undefined) return;
        const absolute = win32.resolve(ROOT, found.path);
        const relative = win32.relative(ROOT, absolute);
        const inside = relative !== ".." && !relative.startsWith("..\\") && !win32.isAbsolute(relative);
        assert.equal(inside, found.kind !== "system");
        assert.ok(!found.path.includes("\\") && !found.path.split("/").includes(".."));
        assert.match(found.verbatim, /^\\\\\?\\[A-Z]:\\/);
        assert.equal(found.verbatim.slice(4).toLowerCase(), absolute.toLowerCase());
      }),
      { numRuns: 2000 },
    ));

  it("normalises its own results to themselves", () =>
    fc.assert(
      fc.property(hostPath, (path) => {
        const found = attempt(() => normalise(path));
        if (found === undefined) return;
        assert.deepEqual(withoutCase(inProject(found.path)), withoutCase(found));
        assert.deepEqual(inProject(found.verbatim), found);
      }),
      { numRuns: 2000 },
    ));

  it("has one digest key for all spellings of a path", () =>
    fc.assert(
      fc.property(nearRoot, fc.infiniteStream(fc.boolean()), (path, coins) => {
        const flip = (): boolean => coins.next().value === true;
        const found = attempt(() => normalise(path));
        const spelled = [...path]
          .map((character) => {
            if (character === "\\" || character === "/") return flip() ? "\\" : flip() ? "/" : "\\.//";
            // Short names are looked up as they are.
            return flip() && !path.includes("~") ? character.toUpperCase() : character;
          })
          .join("");
        const other = attempt(() => normalise(flip() ? spelled : `//?/${spelled}`));
        assert.deepEqual([other?.kind, other?.digestKey], [found?.kind, found?.digestKey]);
      }),
      { numRuns: 2000 },
    ));
});

/** The verbatim form begins with the root as the path spelled it. */
function withoutCase(found: HostPath): HostPath {
  return { ...found, verbatim: found.verbatim.toLowerCase() };
}

describe("readWirePath (properties)", () => {
  it("throws nothing but refusals, and what it reads stays below any root on any platform", () =>
    fc.assert(
      fc.property(
        fc.oneof(
          anyPath,
          anyPath.map((path) => path.replace(/[\\:]/g, "")),
          fc.anything(),
        ),
        (path) => {
          const file = attempt(() => readWirePath(path));
          if (file === undefined) return;
          assert.equal(file.path, path);
          assert.ok(
            posix.resolve("/staging/1", stagedPath("/staging/1", file, "posix")).startsWith("/staging/1/"),
          );
          assert.ok(
            win32.resolve(stagedPath("C:\\staging\\1", file, "win32")).startsWith("C:\\staging\\1\\"),
          );
          // A host path again: what one end may send, the other end may have.
          if (!file.path.includes("~")) assert.equal(inProject(file.path).path, file.path);
        },
      ),
      { numRuns: 3000 },
    ));
});
