import assert from "node:assert/strict";
import {
  hostPathNormaliser,
  refuseRemoteTarget,
  type HostPathContext,
} from "../../../../../shim/agent/paths/host-path.ts";
import { PathRefusal, type PathRefusalCode } from "../../../../../shim/agent/paths/refusal.ts";
import { HOST_PATHS, LONG_NAMES, ROOT } from "./host-paths.ts";

const CONTEXT: HostPathContext = {
  root: ROOT,
  cwd: `${ROOT}\\build`,
  longName: (path) => LONG_NAMES.get(path),
};

const normalise = hostPathNormaliser(CONTEXT);

function assertRefused(action: () => unknown, code: PathRefusalCode, message?: RegExp): void {
  assert.throws(action, (error: unknown) => {
    assert(error instanceof PathRefusal, String(error));
    assert.equal(error.code, code, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  });
}

describe("hostPathNormaliser", () => {
  for (const [number, input, outcome, path, digestKey] of HOST_PATHS) {
    const shown = JSON.stringify(input.length > 60 ? `${input.slice(0, 60)}…` : input);
    it(`${number}: ${shown} is ${outcome}${path === undefined ? "" : ` ${path.slice(0, 60)}`}`, () => {
      if (path === undefined) return assertRefused(() => normalise(input), outcome as PathRefusalCode);
      const { verbatim: _, ...found } = normalise(input);
      assert.deepEqual(found, { kind: outcome, path, digestKey });
    });
  }

  const more: readonly (readonly [string, unknown, PathRefusalCode])[] = [
    ["what is no text", 7, "EMPTY"],
    ["more than 32 767 units", `C:\\${"a\\".repeat(16_383)}`, "TOO_LONG"],
    ["a verbatim share without a name", "\\\\?\\UNC", "UNC"],
    ["a verbatim drive without a slash", "\\\\?\\C:", "DEVICE_PATH"],
    ["a verbatim path with a dot", "\\\\?\\C:\\a\\.", "VERBATIM_DOT"],
    ["a share behind mixed slashes", "\\\\?/UNC/fs/share", "UNC"],
    ["a volume behind mixed slashes", "//?/Volume{26a21bda-a627-11d7-9931-806e6f6e6963}/x", "DEVICE_PATH"],
    ["the NT namespace by slashes", "/??/C:/x", "DEVICE_PATH"],
    ["two slashes alone", "//", "UNC"],
    ["a URI with backslashes", "https:\\\\host\\x", "URI"],
    ["a drive letter that is none", "Ä:\\x", "ALT_STREAM"],
    ["a component of dots", "C:\\a\\...", "TRAILING_DOT_SPACE"],
  ];
  for (const [what, input, code] of more)
    it(`refuses ${what}: ${code}`, () => assertRefused(() => normalise(input), code));

  it("resolves .. behind a prefix that Windows does not take verbatim", () =>
    assert.equal(normalise("//?/c:/a/../b").path, "C:/b"));
  it("drops components that .. leaves again, whatever they are", () =>
    assert.equal(normalise("C:\\CON\\..\\PROGRA~2\\..\\x").path, "C:/x"));
  it("needs a working directory for relative paths alone", () => {
    const without = hostPathNormaliser({ root: ROOT });
    assertRefused(
      () => without("a.c"),
      "RELATIVE_NO_CWD",
      /cannot use host path: .*absolute path \(found "a.c"\)/,
    );
    assert.equal(without("C:\\a.c").path, "C:/a.c");
  });
  it("names the working directory where that is at fault", () =>
    assertRefused(
      () => hostPathNormaliser({ root: ROOT, cwd: "\\\\fs\\share" })("a.c"),
      "UNC",
      /^cannot use working directory: .*copy the files to a local disk \(found "\\\\fs\\share"\)$/,
    ));
  it("refuses a project on a share", () =>
    assertRefused(() => hostPathNormaliser({ root: "//fs/proj" }), "UNC", /cannot use project root/));
  it("refuses what becomes too long behind the working directory", () =>
    assertRefused(
      () => hostPathNormaliser({ root: ROOT, cwd: `C:\\${"d\\".repeat(12_000)}` })("d\\".repeat(12_000)),
      "TOO_LONG",
    ));
  it("takes a drive's root for a project", () =>
    assert.equal(hostPathNormaliser({ root: "c:/" })("C:\\a\\b").path, "a/b"));
  it("takes a project whose root is spelled by a short name", () => {
    const short = hostPathNormaliser({ ...CONTEXT, root: "C:\\Users\\AFSHIN~1\\proj" });
    assert.equal(short("C:\\Users\\Afshin Rahimi\\proj\\a.c").path, "a.c");
  });
  it("takes a long name that looks short, where the resolver knows it", () => {
    const same = hostPathNormaliser({
      root: ROOT,
      longName: (path) => path.slice(path.lastIndexOf("\\") + 1),
    });
    assert.equal(same("C:\\a\\file~1").path, "C:/a/file~1");
  });
  it("asks for the long name of one component below long ones", () => {
    const asked: string[] = [];
    const longName = (path: string): string => {
      asked.push(path);
      return `long name ${asked.length}`;
    };
    hostPathNormaliser({ root: ROOT, longName })("c:\\A~1\\b\\C~2.TXT");
    assert.deepEqual(asked, ["C:\\A~1", "C:\\long name 1\\b\\C~2.TXT"]);
  });
  for (const answer of ["", "a\\b", "..", "con", "a\0"])
    it(`takes ${JSON.stringify(answer)} for no long name`, () =>
      assertRefused(
        () => hostPathNormaliser({ root: ROOT, longName: () => answer })("C:\\A~1"),
        "SHORT_NAME_UNRESOLVED",
      ));
  it("keeps why a long name could not be found", () => {
    const cause = new Error("access denied");
    const longName = (): never => {
      throw cause;
    };
    assert.throws(
      () => hostPathNormaliser({ root: ROOT, longName })("C:\\A~1"),
      (error: PathRefusal) => error.code === "SHORT_NAME_UNRESOLVED" && error.cause === cause,
    );
  });
  it("gives the form that opens long paths, from the drive on", () => {
    assert.equal(normalise("c:/a/./b.c").verbatim, "\\\\?\\C:\\a\\b.c");
    assert.equal(normalise("x.c").verbatim, `\\\\?\\${ROOT}\\build\\x.c`);
  });
  it("names the component at fault, and shows what does not print", () =>
    assertRefused(
      () => normalise("C:\\a\u202e\\nul.txt\\b"),
      "RESERVED_NAME",
      /its component "nul\.txt" is the name of a device.*\(found "C:\\a<U\+202E>\\nul\.txt\\b"\)/,
    ));
});

describe("refuseRemoteTarget", () => {
  const noNetwork = (): boolean => false;
  it("lets local targets pass", () => refuseRemoteTarget("C:\\a", noNetwork));
  it("refuses a junction to a share", () =>
    assertRefused(() => refuseRemoteTarget("\\\\fs\\share\\a", noNetwork), "UNC"));
  it("refuses a verbatim share", () =>
    assertRefused(() => refuseRemoteTarget("\\\\?\\UNC\\fs\\share\\a", noNetwork), "UNC"));
  it("refuses a drive of the network", () =>
    assertRefused(() => refuseRemoteTarget("z:\\a", (drive) => drive === "Z"), "UNC"));
  it("refuses a volume without a letter", () =>
    assertRefused(() => refuseRemoteTarget("\\\\?\\Volume{1}\\a", noNetwork), "DEVICE_PATH"));
});
