import assert from "node:assert/strict";
import {
  DIGEST_HASHES,
  manifestDigest,
  type DigestAlgorithm,
  type ManifestEntry,
} from "../../../../../shim/agent/paths/digest.ts";
import { foldCase } from "../../../../../shim/agent/paths/fold.ts";
import { hostPathNormaliser } from "../../../../../shim/agent/paths/host-path.ts";
import { PathRefusal } from "../../../../../shim/agent/paths/refusal.ts";
import { readWirePath } from "../../../../../shim/agent/paths/wire-path.ts";

function entry(algorithm: DigestAlgorithm, path: string, content: string): ManifestEntry {
  const hash = DIGEST_HASHES[algorithm]();
  hash.update(Buffer.from(content));
  return { file: readWirePath(path), content: hash.digest() };
}

function digest(algorithm: DigestAlgorithm, files: readonly (readonly [string, string])[]): string {
  return manifestDigest(
    algorithm,
    files.map(([path, content]) => entry(algorithm, path, content)),
  );
}

const MAIN = "int main(void){return 0;}\n";
const HEADER = "#define X 1\n";

const VECTORS = {
  blake3: "9288502c15fb41c387d613e964b902da057b4ea7364ba4c41313f091a50c2ed1",
  sha256: "ff64c4d4a2912be2b1f089e28d106f3fb3c3214f4e918320a6d502160c8d5e59",
} as const;

describe("manifestDigest", () => {
  for (const [algorithm, hex] of Object.entries(VECTORS) as [DigestAlgorithm, string][]) {
    it(`${algorithm}: src/main.c and inc/Foo.h`, () =>
      assert.equal(
        digest(algorithm, [
          ["src/main.c", MAIN],
          ["inc/Foo.h", HEADER],
        ]),
        `${algorithm}:${hex}`,
      ));
    it(`${algorithm}: SRC/Main.c and INC/FOO.H are the same`, () =>
      assert.equal(
        digest(algorithm, [
          ["INC/FOO.H", HEADER],
          ["SRC/Main.c", MAIN],
        ]),
        `${algorithm}:${hex}`,
      ));
  }

  it("orders by the folded key: Foo.h and bar.h come as foo.h and bar.h do", () =>
    assert.equal(
      digest("sha256", [
        ["Foo.h", "1"],
        ["bar.h", "2"],
      ]),
      digest("sha256", [
        ["bar.h", "2"],
        ["foo.h", "1"],
      ]),
    ));
  it("orders by UTF-8 bytes, where UTF-16 units are ordered otherwise", () => {
    // In UTF-16 U+1F600 begins with D83D and comes before U+FF21; in UTF-8 behind it.
    const files: [string, string][] = [
      ["\u{1f600}", "1"],
      ["\uff21", "2"],
    ];
    const hash = DIGEST_HASHES.sha256();
    for (const [path, content] of files.toReversed()) {
      const key = Buffer.from(path);
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(key.length));
      hash.update(Buffer.concat([length, key, entry("sha256", path, content).content]));
    }
    assert.equal(digest("sha256", files), `sha256:${Buffer.from(hash.digest()).toString("hex")}`);
  });
  it("takes two spellings of a checkout for one", () => {
    const normalise = [
      hostPathNormaliser({ root: "C:\\Users\\Afshin\\src\\proj" }),
      hostPathNormaliser({ root: "c:/users/afshin/SRC/proj/" }),
    ] as const;
    const content = entry("sha256", "any", MAIN).content;
    const [one, two] = [
      manifestDigest("sha256", [{ file: normalise[0]("C:\\Users\\Afshin\\src\\proj\\Main.c"), content }]),
      manifestDigest("sha256", [
        { file: normalise[1]("\\\\?\\c:\\users\\afshin\\src\\PROJ\\main.C"), content },
      ]),
    ];
    assert.equal(one, two);
  });
  it("refuses two files that differ by case and content, naming both", () =>
    assert.throws(
      () =>
        digest("sha256", [
          ["inc/Foo.h", "1"],
          ["inc/foo.h", "2"],
        ]),
      (error: unknown) =>
        error instanceof PathRefusal &&
        error.code === "CASE_COLLISION" &&
        error.message.includes('(found "inc/foo.h" and "inc/Foo.h")'),
    ));
  it("counts one file once, however often and however it is spelled", () =>
    assert.equal(
      digest("sha256", [
        ["inc/Foo.h", "1"],
        ["INC/foo.h", "1"],
      ]),
      digest("sha256", [["inc/foo.h", "1"]]),
    ));
  it("refuses a content digest of another length", () =>
    assert.throws(
      () => manifestDigest("sha256", [{ file: readWirePath("a"), content: new Uint8Array(20) }]),
      /^RangeError: cannot digest manifest: content digest of "a" must have 32 bytes \(found 20\)$/,
    ));
  it("is the hash of nothing for no files", () =>
    assert.equal(
      digest("sha256", []),
      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ));
});

describe("foldCase", () => {
  it("folds ASCII letters", () => assert.equal(foldCase("AZaz@[`{09"), "azaz@[`{09"));
  // Each of them is changed by toLowerCase: Kelvin sign, dotted capital I, umlaut, sigma at the end of a word.
  for (const text of ["\u212a", "\u0130", "Ä", "ΑΣ"])
    it(`leaves ${text} alone`, () => {
      assert.notEqual(text.toLowerCase(), text);
      assert.equal(foldCase(text), text);
    });
  it("does not normalise Unicode", () => assert.notEqual(foldCase("e\u0301"), foldCase("\u00e9")));
});
