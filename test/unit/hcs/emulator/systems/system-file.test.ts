import assert from "node:assert/strict";
import {
  parseSystemFile,
  readSystemFile,
  systemPaths,
} from "../../../../../hcs/emulator/systems/system-file.ts";

const SYSTEM = {
  id: "pod1@vm",
  runtimeId: "0a1b2c3d-0000-0000-0000-000000000000",
  cgroup: "/runhcs/key",
  sockets: "/run/runhcs/hv/0a1b2c3d-0000-0000-0000-000000000000",
  document: { Owner: "test", SchemaVersion: { Major: 2, Minor: 1 } },
  terminateOnLastHandleClosed: true,
};

describe("parseSystemFile", () => {
  it("reads what the host wrote, and leaves the rest", () => {
    assert.deepEqual(parseSystemFile(JSON.stringify({ ...SYSTEM, later: 1 }), "/s/system.json"), SYSTEM);
  });

  for (const [what, change, pattern] of [
    ["no id", { id: undefined }, /id is not a non-empty string: undefined/],
    ["an empty runtime id", { runtimeId: "" }, /runtimeId is not a non-empty string: ""/],
    ["a relative cgroup", { cgroup: "runhcs/key" }, /cgroup is not an absolute path: "runhcs\/key"/],
    ["relative sockets", { sockets: "hv" }, /sockets is not an absolute path: "hv"/],
    ["no document", { document: null }, /document is not an object: null/],
    [
      "text for a flag",
      { terminateOnLastHandleClosed: "true" },
      /terminateOnLastHandleClosed is not a boolean: "true"/,
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => parseSystemFile(JSON.stringify({ ...SYSTEM, ...change }), "/s/system.json"),
        (error: Error) => {
          assert.match(error.message, pattern);
          assert.match(error.message, /^cannot read system file "\/s\/system.json": /);
          return true;
        },
      );
    });
  }

  it("refuses what is no JSON object", () => {
    assert.throws(() => parseSystemFile("{", "/s"), /cannot read system file "\/s": invalid JSON/);
    assert.throws(() => parseSystemFile("[]", "/s"), /it is not an object/);
  });
});

describe("readSystemFile", () => {
  it("fails for a directory that is none", () => {
    assert.throws(() => readSystemFile("/nonexistent"), /ENOENT.*\/nonexistent\/system.json/);
  });
});

describe("systemPaths", () => {
  it("lays out a system directory", () => {
    assert.deepEqual(systemPaths("/s"), {
      systemFile: "/s/system.json",
      controlSocket: "/s/control.sock",
      workerLog: "/s/worker.log",
      shares: "/s/shares",
      plan9Shares: "/s/shares/plan9",
      disks: "/s/shares/disks",
      vsmbShares: "/s/shares/vsmb",
      volumes: "/s/shares/volumes",
      windows: "/s/shares/windows",
      pipes: "/s/shares/pipes",
      nics: "/s/shares/nics",
    });
  });
});
