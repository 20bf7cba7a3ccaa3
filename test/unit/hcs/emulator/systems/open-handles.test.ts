import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import {
  countOpenedHandles,
  firstHandleInode,
  isFirstHandleOpen,
} from "../../../../../hcs/emulator/systems/open-handles.ts";
import { until } from "../../../../support/until.ts";

describe("countOpenedHandles", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync("/tmp/rhc-handles-");
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it("counts the worker's ends of connections", async () => {
    const path = join(directory, "control.sock");
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket.resume())).listen(path);
    await once(server, "listening");
    assert.equal(countOpenedHandles(path), 0);
    const handles = [connect(path), connect(path)];
    await Promise.all(handles.map((handle) => once(handle, "connect")));
    assert.equal(countOpenedHandles(path), 2);
    await until("both to be accepted", () => accepted.length === 2);
    assert.equal(countOpenedHandles(path), 2);
    assert.equal(countOpenedHandles(join(directory, "other.sock")), 0);
    handles.forEach((handle) => handle.destroy());
    await until("the worker to notice", () => countOpenedHandles(path) === 0);
    server.close();
  });

  it("counts connections that the worker has no time to accept", async () => {
    const path = join(directory, "control.sock");
    const script = "require('net').createServer().listen(process.argv[1], () => console.log('ready'))";
    const worker = spawn(process.execPath, ["-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(worker.stdout, "data");
    worker.kill("SIGSTOP");
    const handle = connect(path);
    await once(handle, "connect");
    assert.equal(countOpenedHandles(path), 1);
    handle.destroy();
    worker.kill("SIGKILL");
    await once(worker, "exit");
  });
});

describe("isFirstHandleOpen", () => {
  it("tells whether a process still has the socket it was given as descriptor 3", async () => {
    const script = "process.stdin.once('data', () => { require('fs').closeSync(3); console.log('closed'); })";
    const worker = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit", "pipe"] });
    await once(worker, "spawn");
    const pid = worker.pid!;
    const inode = firstHandleInode(pid);
    assert.ok(inode);
    assert.equal(isFirstHandleOpen(pid, inode), true);
    assert.equal(isFirstHandleOpen(pid, "1"), false);
    worker.stdin!.write("close it");
    await once(worker.stdout!, "data");
    assert.equal(isFirstHandleOpen(pid, inode), false);
    worker.kill("SIGKILL");
    await once(worker, "exit");
    assert.equal(isFirstHandleOpen(pid, inode), false);
    assert.equal(firstHandleInode(pid), undefined);
  });
});
