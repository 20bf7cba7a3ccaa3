import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify } from "../../../../hcs/emulator/systems/process-identity.ts";
import {
  forgetJournal,
  listJournals,
  strikeReleased,
  FileJournal,
  nodeJournalPath,
  readJournal,
  type Holding,
} from "../../../../shim/resources/journal.ts";

const MOUNT: Holding = { kind: "mount", key: "mount:/r", data: { target: "/r" } };
const VM: Holding = { kind: "vm", key: "vm:web@vm", data: { id: "web@vm" } };

describe("Journal", () => {
  let root: string;
  let place: { bundle: string; stateDirectory: string; namespace: string; id: string };
  let inBundle: string;
  let onNode: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "journal-"));
    place = {
      bundle: join(root, "bundle"),
      stateDirectory: join(root, "state"),
      namespace: "k8s.io",
      id: "web",
    };
    mkdirSync(place.bundle);
    inBundle = join(place.bundle, "journal.jsonl");
    onNode = nodeJournalPath(place.stateDirectory, place.namespace, place.id);
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("tells what is held, oldest first, and not what was struck", () => {
    const journal = FileJournal.open(place);
    journal.hold(MOUNT);
    journal.hold(VM);
    journal.strike(MOUNT.key);
    journal.hold(MOUNT);
    assert.deepEqual(
      readJournal(inBundle).held.map(({ key }) => key),
      [VM.key, MOUNT.key],
    );
    journal.close();
  });

  it("tells which process wrote it, and for which bundle", () => {
    FileJournal.open(place).close();
    const { startTime } = identify(process.pid)!;
    assert.deepEqual(readJournal(inBundle).owner, { bundle: place.bundle, shim: process.pid, startTime });
  });

  it("is listed by the node while something is held", () => {
    const journal = FileJournal.open(place);
    assert.deepEqual(listJournals(place.stateDirectory), [{ namespace: "k8s.io", id: "web", path: onNode }]);
    journal.close();
    assert.deepEqual(listJournals(place.stateDirectory), []);
  });

  it("forgets what somebody else has released", () => {
    const journal = FileJournal.open(place);
    journal.hold(MOUNT);
    journal.hold(VM);
    strikeReleased(onNode, [MOUNT]);
    assert.deepEqual(
      readJournal(inBundle).held.map(({ key }) => key),
      [VM.key],
    );
    journal.close();
  });

  it("keeps pid and exit", () => {
    const journal = FileJournal.open(place);
    journal.started(7);
    journal.exited({ pid: 7, status: 3, at: 1000 });
    const { held, pid, exit } = readJournal(inBundle);
    assert.deepEqual({ held, pid, exit }, { held: [], pid: 7, exit: { pid: 7, status: 3, at: 1000 } });
    journal.close();
  });

  it("has a second name on the node, which outlives the bundle", () => {
    const journal = FileJournal.open(place);
    journal.hold(VM);
    rmSync(place.bundle, { recursive: true });
    journal.hold(MOUNT);
    assert.deepEqual(
      readJournal(onNode).held.map(({ key }) => key),
      [VM.key, MOUNT.key],
    );
    journal.close();
    assert.ok(existsSync(onNode), "something is held still");
  });

  it("is forgotten on the node, directories and all, when everything was struck", () => {
    const journal = FileJournal.open(place);
    journal.hold(VM);
    journal.strike(VM.key);
    journal.close();
    assert.ok(!existsSync(place.stateDirectory));
    assert.ok(existsSync(inBundle), "the bundle is containerd's");
  });

  it("leaves the journals of other tasks", () => {
    const other = FileJournal.open({ ...place, id: "other" });
    other.hold(VM);
    FileJournal.open(place).close();
    assert.deepEqual(readJournal(nodeJournalPath(place.stateDirectory, place.namespace, "other")).held, [
      { op: "hold", ...VM },
    ]);
    other.close();
  });

  it("goes on where an older journal of the task ended", () => {
    const first = FileJournal.open(place);
    first.hold(VM);
    first.close();
    const second = FileJournal.open(place);
    second.hold(MOUNT);
    second.close();
    assert.deepEqual(
      readJournal(inBundle).held.map(({ key }) => key),
      [VM.key, MOUNT.key],
    );
  });
});

describe("readJournal", () => {
  it("is empty without a file", () => {
    assert.deepEqual(readJournal("/nowhere/journal.jsonl"), { held: [] });
  });

  it("leaves out a torn last line: what it announced was never done", () => {
    const directory = mkdtempSync(join(tmpdir(), "journal-"));
    const path = join(directory, "journal.jsonl");
    appendFileSync(path, `${JSON.stringify({ op: "hold", ...VM })}\n{"op":"hold","kind":"mou`);
    assert.deepEqual(
      readJournal(path).held.map(({ key }) => key),
      [VM.key],
    );
    rmSync(directory, { recursive: true });
  });
});

describe("forgetJournal", () => {
  it("is harmless when there is none", () => {
    forgetJournal({ stateDirectory: "/nowhere", namespace: "a", id: "b" });
  });
});
