import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import {
  claimStart,
  readExit,
  readHostRecord,
  readStartTime,
  writeExit,
  writeHostRecord,
} from "../../../../../hcs/emulator/systems/host-record.ts";
import { hostPaths } from "../../../../../hcs/emulator/systems/state-directory.ts";
import { terminatedExit } from "../../../../../hcs/emulator/systems/system-exit.ts";

describe("host record", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync("/tmp/rhc-record-");
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const creator = { pid: 1, startTime: 2 };

  it("is read as it was written, and replaced in one step", () => {
    writeHostRecord(directory, { creator });
    assert.deepEqual(readHostRecord(directory), { creator });
    const full = {
      creator,
      launcher: { pid: 3, startTime: 4 },
      worker: { pid: 5, startTime: 6 },
      firstHandle: "7",
      createdAt: "2026-01-01T00:00:00.000Z",
    };
    writeHostRecord(directory, full);
    assert.deepEqual(readHostRecord(directory), full);
    assert.deepEqual(readdirSync(directory), ["host.json"]);
  });

  it("is undefined where there is none, or none of this form", () => {
    assert.equal(readHostRecord(directory), undefined);
    for (const text of ["null", "{}", '{"creator":{"pid":"1","startTime":2}}']) {
      writeFileSync(hostPaths(directory).hostFile, text);
      assert.equal(readHostRecord(directory), undefined, text);
    }
  });

  describe("claimStart", () => {
    it("is granted once", () => {
      assert.equal(readStartTime(directory), undefined);
      assert.equal(claimStart(directory), true);
      assert.equal(claimStart(directory), false);
      assert.ok(Date.parse(readStartTime(directory)!) <= Date.now());
    });
  });

  describe("writeExit", () => {
    it("keeps the first reason, for readers whose file has been removed too", () => {
      const { exitFile } = hostPaths(directory);
      writeFileSync(exitFile, "");
      const file = openSync(exitFile, "r");
      assert.equal(readExit(file), undefined);
      writeExit(directory, terminatedExit("first"));
      writeExit(directory, terminatedExit("a second one, longer than the first"));
      rmSync(directory, { recursive: true });
      assert.deepEqual(readExit(file), { status: 0x8037_0107, exitType: "ForcedExit", reason: "first" });
      closeSync(file);
    });

    it("has nobody to tell when the system is gone", () => {
      writeExit(directory, terminatedExit("late"));
      assert.deepEqual(readdirSync(directory), []);
    });
  });
});
