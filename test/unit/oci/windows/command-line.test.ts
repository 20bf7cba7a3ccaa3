import assert from "node:assert/strict";
import { joinArguments } from "../../../../oci/windows/command-line.ts";

describe("joinArguments", () => {
  const LINES: readonly (readonly [readonly string[], string])[] = [
    [[], ""],
    [["a.exe"], "a.exe"],
    [["a.exe", ""], 'a.exe ""'],
    [["a.exe", "a b"], 'a.exe "a b"'],
    [["a.exe", "a\tb"], 'a.exe "a\tb"'],
    [["a.exe", '"a b"'], 'a.exe "\\"a b\\""'],
    [["a.exe", 'a"b'], 'a.exe a\\"b'],
    [["a.exe", 'a\\"b'], 'a.exe a\\\\\\"b'],
    [["a.exe", "a\\"], "a.exe a\\"],
    [["a.exe", "a b\\"], 'a.exe "a b\\\\"'],
    [["a.exe", "C:\\x y\\z"], 'a.exe "C:\\x y\\z"'],
    [
      ["C:\\Program Files\\x y.exe", "a b", 'q"q', "tail\\"],
      '"C:\\Program Files\\x y.exe" "a b" q\\"q tail\\',
    ],
  ];
  for (const [args, line] of LINES) {
    it(`writes ${JSON.stringify(args)} as ${line}`, () => assert.equal(joinArguments(args), line));
  }
});
