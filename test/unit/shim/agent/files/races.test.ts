/** Somebody who can write below a root swaps what is there for links while it is being used. */
import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileReceiver } from "../../../../../shim/agent/files/receiver.ts";
import { sendFiles } from "../../../../../shim/agent/files/sender.ts";
import { TRANSFER_LIMITS } from "../../../../../shim/agent/protocol/limits.ts";
import { makeScratchDirectory } from "../../../../support/temp-directory.ts";

const SWAPPER = join(import.meta.dirname, "../../../../support/swap-with-link.cjs");
const ATTEMPTS = 1500;
const FILE = { eof: true, sha256: new Uint8Array(), mode: 0, mtimeNs: 0n, offset: 0n, size: 0n };

describe("files below a root that somebody swaps for links", function () {
  this.timeout(30_000);
  let directory: string;
  let swapper: ChildProcess;

  beforeEach(async () => {
    directory = await makeScratchDirectory("race-");
    for (const name of ["root", "outside"]) mkdirSync(join(directory, name));
  });
  afterEach(async () => {
    const ended = once(swapper, "exit");
    swapper.kill("SIGKILL");
    await ended;
  });

  async function swap(place: string, target: string): Promise<void> {
    const link = join(directory, "link");
    symlinkSync(target, link);
    swapper = fork(SWAPPER, [place, join(directory, "original"), link], { execArgv: [], stdio: "ignore" });
    await once(swapper, "message");
  }

  it("are written below the root or not at all", async () => {
    const [root, outside] = [join(directory, "root"), join(directory, "outside")];
    mkdirSync(join(root, "sub"));
    await swap(join(root, "sub"), outside);
    const outcomes = { written: 0, refused: 0 };
    for (let count = 0; count < ATTEMPTS; count += 1) {
      // Looks anew each time: a directory that is open stays the one that it was.
      const receiver = new FileReceiver({ root, limits: TRANSFER_LIMITS, what: "files" });
      try {
        receiver.receive({ ...FILE, path: `sub/f${count}`, chunk: Buffer.from("x") });
        outcomes.written += 1;
      } catch {
        outcomes.refused += 1;
      } finally {
        receiver.discard();
      }
    }
    assert.deepEqual(readdirSync(outside), []);
    assert.ok(outcomes.written > 0, JSON.stringify(outcomes));
  });

  it("are sent from below the root or not at all", async () => {
    const root = join(directory, "root");
    writeFileSync(join(directory, "outside/secret"), "secret");
    writeFileSync(join(root, "file"), "public");
    await swap(join(root, "file"), join(directory, "outside/secret"));
    const seen = new Set<string>();
    for (let count = 0; count < ATTEMPTS; count += 1)
      for (const { chunk } of sendFiles(root, { limits: TRANSFER_LIMITS, what: "files" }))
        if (chunk.length > 0) seen.add(Buffer.from(chunk).toString());
    assert.deepEqual([...seen], ["public"]);
  });
});
