import assert from "node:assert/strict";
import {
  checkStateDirectory,
  deadEntryName,
  newEntryName,
  parseSystemEntry,
  SOCKET_PATH_LIMIT,
  socketsDirectory,
  systemCgroup,
  systemDirectory,
  systemKey,
} from "../../../../../hcs/emulator/systems/state-directory.ts";

const RUNTIME_ID = "c0ffee00-1234-4567-89ab-cdef01234567";

describe("checkStateDirectory", () => {
  const longest =
    SOCKET_PATH_LIMIT - socketsDirectory("", RUNTIME_ID).length - "/".length - RUNTIME_ID.length - "/".length;

  it("takes every directory whose socket paths fit", () => {
    checkStateDirectory("/run/runhcs");
    checkStateDirectory(`/${"x".repeat(longest - 1)}`);
  });

  it("refuses longer ones, naming the lengths", () => {
    const directory = `/${"x".repeat(longest)}`;
    assert.throws(
      () => checkStateDirectory(directory),
      new RegExp(`has ${longest + 1} bytes, at most ${longest} leave room`),
    );
  });

  it("counts bytes, not characters", () => {
    assert.throws(() => checkStateDirectory(`/${"ä".repeat(longest - 2)}`), /bytes/);
  });

  it("refuses relative paths", () => {
    assert.throws(() => checkStateDirectory("run"), /"run": it is not an absolute path/);
  });
});

describe("names", () => {
  const key = systemKey("pod1@vm");

  it("give a system one directory and its own cgroup for each life", () => {
    assert.match(key, /^[0-9a-f]{16}$/);
    assert.notEqual(key, systemKey("pod2@vm"));
    assert.equal(systemDirectory("/run/runhcs", "pod1@vm"), `/run/runhcs/systems/${key}`);
    assert.equal(systemCgroup("pod1@vm", RUNTIME_ID), `/runhcs/${key}-c0ffee00`);
  });

  it("are read back", () => {
    const creator = { pid: 12, startTime: 3456 };
    const made = newEntryName(key, creator, RUNTIME_ID);
    const dead = deadEntryName(key, RUNTIME_ID);
    assert.deepEqual(parseSystemEntry(key), { kind: "system", name: key, key });
    assert.deepEqual(parseSystemEntry(made), { kind: "new", name: made, key, creator });
    assert.deepEqual(parseSystemEntry(dead), { kind: "dead", name: dead, key });
  });

  for (const name of [
    "",
    ".",
    "..",
    "lost+found",
    `${key}x`,
    key.toUpperCase(),
    ".new-",
    ".dead-x",
    `.dead-${key}`,
  ]) {
    it(`are not seen in ${JSON.stringify(name)}`, () => assert.equal(parseSystemEntry(name), undefined));
  }
});
