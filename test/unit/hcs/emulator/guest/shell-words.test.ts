import assert from "node:assert/strict";
import { splitShellWords } from "../../../../../hcs/emulator/guest/shell-words.ts";

describe("splitShellWords", () => {
  for (const [line, words] of [
    ["", []],
    ["  \t ", []],
    ["a b\tc", ["a", "b", "c"]],
    ["  a  ", ["a"]],
    [`'a b' "c d"`, ["a b", "c d"]],
    [`''`, [""]],
    [`a''b ""`, ["ab", ""]],
    [`a\\ b`, ["a b"]],
    [`'a\\b'`, ["a\\b"]],
    [`"a\\"b\\\\c\\d\\$e"`, [`a"b\\c\\d$e`]],
    [`a\\`, ["a\\"]],
    [`/bin/sh -c "tty; sleep 1"`, ["/bin/sh", "-c", "tty; sleep 1"]],
    [`it\\'s`, ["it's"]],
    [`"it's"`, ["it's"]],
  ] as const) {
    it(`splits ${JSON.stringify(line)}`, () => {
      assert.deepEqual(splitShellWords(line), words);
    });
  }

  for (const [line, kind] of [
    ["'open", "single"],
    [`a "open`, "double"],
  ] as const) {
    it(`refuses an unclosed ${kind} quote`, () => {
      assert.throws(() => splitShellWords(line), new SyntaxError(`unclosed ${kind} quote`));
    });
  }
});
