import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync, mkdtempSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { openWorkerLink, type WorkerLink } from "../../../../../hcs/emulator/systems/worker-link.ts";

describe("WorkerLink", () => {
  let directory: string;
  let link: WorkerLink;
  let worker: Socket;

  beforeEach(async () => {
    directory = mkdtempSync("/tmp/rhc-link-");
    const path = join(directory, "s");
    const server = createServer().listen(path);
    await once(server, "listening");
    const accepted = once(server, "connection");
    link = await openWorkerLink(path, undefined);
    [worker] = (await accepted) as [Socket];
    server.close();
  });
  afterEach(() => {
    link.close();
    worker.destroy();
    rmSync(directory, { recursive: true });
  });

  it("hears events in any chunks", async () => {
    worker.write('{"event":"crea');
    worker.write('ted"}\n{"event":"started"}\n');
    await link.reached("created");
    await link.reached("started");
    await link.reached("created");
  });

  it("keeps the last words", async () => {
    worker.end('{"event":"exit","exitType":"GracefulExit","reason":"power-off"}\n');
    await link.closed;
    assert.deepEqual(link.exit, { event: "exit", exitType: "GracefulExit", reason: "power-off" });
  });

  it("sends requests as lines", async () => {
    link.send({ op: "start" });
    const [chunk] = (await once(worker, "data")) as [Buffer];
    assert.equal(chunk.toString(), '{"op":"start"}\n');
  });

  it("ends with a worker that does not speak the language", async () => {
    worker.write("hello\n");
    await link.closed;
    assert.equal(link.exit, undefined);
  });

  it("can be closed from here", async () => {
    const ended = once(worker.resume(), "close");
    link.close();
    await link.closed;
    await ended;
  });

  it("cannot be opened where nobody listens", async () => {
    await assert.rejects(openWorkerLink(join(directory, "none"), undefined), { code: "ENOENT" });
  });
});
