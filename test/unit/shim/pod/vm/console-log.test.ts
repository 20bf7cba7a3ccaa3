import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { ConsoleLog } from "../../../../../shim/pod/vm/console-log.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";
import { until } from "../../../../support/until.ts";

describe("ConsoleLog", () => {
  let directory: string;
  let server: Server;
  let vm: Socket | undefined;
  let log: ConsoleLog | undefined;
  let lines: string[];
  let reports: string[];

  beforeEach(async () => {
    directory = await makeShortDirectory("con-");
    lines = [];
    reports = [];
    vm = undefined;
    server = createServer((socket) => (vm = socket));
  });
  afterEach(async () => {
    await log?.close();
    vm?.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const file = (): string => join(directory, "console.log");
  const open = (pipe = join(directory, "com1")): ConsoleLog =>
    (log = new ConsoleLog({
      ...{ pipe, file: file() },
      onLine: (line) => lines.push(line),
      report: (message) => reports.push(message),
    }));
  async function connected(): Promise<Socket> {
    await new Promise<void>((resolve) => server.listen(join(directory, "com1"), resolve));
    await until("the log to connect", () => vm !== undefined);
    return vm!;
  }

  it("waits for the pipe, writes what comes as it is, and tells lines without what moves cursors", async () => {
    open();
    const socket = await connected();
    const text = "[    0.000000] Linux\r\n\u001b[31mKernel panic\u001b[0m\r\n\r\nlast w";
    socket.end(text);
    await until("the last line", () => lines.length === 3 && readFileSync(file(), "utf8") === text);
    await log!.close();
    assert.deepEqual(lines, ["[    0.000000] Linux", "Kernel panic", "last w"]);
    assert.deepEqual(reports, []);
  });

  it("can be closed before there is a pipe, and while the VM goes on", async () => {
    await open().close();
    const second = open();
    const socket = await connected();
    socket.write("one\n");
    await until("the line", () => lines.length === 1);
    await second.close();
    await second.close();
    assert.deepEqual([lines, reports], [["one"], []]);
  });

  it("keeps the last of a VM that says too much", async () => {
    open();
    const socket = await connected();
    const line = `${"x".repeat(1023)}\n`;
    for (let sent = 0; sent < 10; sent += 1) socket.write(line.repeat(1024));
    socket.end("over\n");
    await until("the last line", () => lines.at(-1) === "over");
    await log!.close();
    assert.ok(existsSync(`${file()}.1`));
    assert.ok(statSync(file()).size < 8 * 1024 ** 2);
    assert.match(readFileSync(file(), "utf8"), /x\nover\n$/);
  });

  it("cuts a line that has no end", async () => {
    open();
    const socket = await connected();
    socket.end("y".repeat(100_000));
    await until("all of it in the file", () => statSync(file()).size === 100_000);
    await log!.close();
    assert.deepEqual(
      lines.map(({ length }) => length),
      [2000],
    );
  });

  it("reports a pipe that cannot be connected to, and goes on without", async () => {
    // Below a file: not merely absent.
    open(join(file(), "com1"));
    await log!.close();
    assert.deepEqual(reports, ["the console of the VM is read no more"]);
  });

  it("says at once when there is nowhere to write", () => {
    assert.throws(
      () => new ConsoleLog({ pipe: "/x", file: "/nowhere/f", onLine: () => {}, report: () => {} }),
      {
        code: "ENOENT",
      },
    );
  });
});
