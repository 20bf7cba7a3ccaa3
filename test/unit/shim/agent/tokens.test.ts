import assert from "node:assert/strict";
import { jobDirectories, replaceTokens } from "../../../../shim/agent/host/tokens.ts";

const LINUX = jobDirectories("/run/hpcc", "linux", "id");
const WINDOWS = jobDirectories("C:\\hpcc", "windows", "id");

const WORDS: readonly (readonly [word: string, linux: string, windows: string])[] = [
  ["/src", "/run/hpcc/src/id", "C:\\hpcc\\src\\id"],
  ["/src/a.c", "/run/hpcc/src/id/a.c", "C:\\hpcc\\src\\id\\a.c"],
  ["/src/src/a.c", "/run/hpcc/src/id/src/a.c", "C:\\hpcc\\src\\id\\src\\a.c"],
  ["/src/my dir/a.c", "/run/hpcc/src/id/my dir/a.c", "C:\\hpcc\\src\\id\\my dir\\a.c"],
  ["-I/src/inc", "-I/run/hpcc/src/id/inc", "-IC:\\hpcc\\src\\id\\inc"],
  [
    "-ffile-prefix-map=/src=.",
    "-ffile-prefix-map=/run/hpcc/src/id=.",
    "-ffile-prefix-map=C:\\hpcc\\src\\id=.",
  ],
  ["--output=/out/x", "--output=/run/hpcc/out/id/x", "--output=C:\\hpcc\\out\\id\\x"],
  [
    "cp /src/a /out/b",
    "cp /run/hpcc/src/id/a /run/hpcc/out/id/b",
    "cp C:\\hpcc\\src\\id\\a C:\\hpcc\\out\\id\\b",
  ],
  ["/Fo/out/x.obj", "/Fo/out/x.obj", "/FoC:\\hpcc\\out\\id\\x.obj"],
  ["/d1trimfile:/src/", "/d1trimfile:/src/", "/d1trimfile:C:\\hpcc\\src\\id\\"],
  ["/LIBPATH:/src/lib", "/LIBPATH:/src/lib", "/LIBPATH:C:\\hpcc\\src\\id\\lib"],
  ...["/src-extra", "/usr/src/x", "src/x", "/sources", "/c"].map((word) => [word, word, word] as const),
];

describe("replaceTokens", () => {
  for (const [word, linux, windows] of WORDS)
    it(`makes ${linux} of ${word}; on Windows ${windows}`, () => {
      assert.equal(replaceTokens(word, LINUX), linux);
      assert.equal(replaceTokens(word, WINDOWS), windows);
    });
});
