import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TeeLog } from "../../../../../hcs/emulator/guest/tee-log.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";

describe("TeeLog", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await makeShortDirectory("tee-");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("appends, and makes the directories it needs", () => {
    for (const text of ["one ", "two"]) {
      const log = new TeeLog(directory, "a/./b/out.log");
      log.write(Buffer.from(text));
      log.close();
      log.close();
      log.write(Buffer.from("too late"));
    }
    assert.equal(readFileSync(join(directory, "a/b/out.log"), "utf8"), "one two");
  });

  for (const path of ["", ".", "..", "../x", "a/../../x", "/etc/x"]) {
    it(`refuses "${path}"`, () => {
      assert.throws(() => new TeeLog(directory, path), /is not below the pod's log directory/);
      assert.deepEqual(readdirSync(directory), []);
    });
  }
});
