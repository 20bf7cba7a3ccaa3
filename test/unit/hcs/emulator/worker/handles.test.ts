import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { dialIn } from "../../../../../hcs/emulator/worker/dial.ts";
import { Handles } from "../../../../../hcs/emulator/worker/handles.ts";
import { hostnameOf } from "../../../../../hcs/emulator/worker/view.ts";
import { makeShortDirectory } from "../../../../support/temp-directory.ts";
import { until } from "../../../../support/until.ts";

describe("Handles", () => {
  let directory: string;
  let handles: Handles;
  let log: string[];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    directory = await makeShortDirectory("handles-");
    log = [];
    handles = new Handles({
      onStart: () => log.push("start"),
      onLastClosed: () => log.push("last"),
      onStray: (line) => log.push(`stray ${line}`),
    });
    await handles.listen(join(directory, "control"));
  });

  afterEach(() => {
    handles.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    rmSync(directory, { recursive: true, force: true });
  });

  async function open(): Promise<{ socket: Socket; heard: () => string }> {
    const socket = connect(join(directory, "control"));
    sockets.push(socket);
    await once(socket, "connect");
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    return { socket, heard: () => text };
  }

  it("tell all events to all, also to those that come late", async () => {
    const early = await open();
    early.socket.write('{"op":"start"}\n');
    await until("the start", () => log.length === 1);
    handles.announce({ event: "created" });
    handles.announce({ event: "started" });
    const late = await open();
    const all = '{"event":"created"}\n{"event":"started"}\n';
    for (const { heard } of [early, late]) await until("the events", () => heard() === all);
    assert.deepEqual(log, ["start"]);
  });

  it("report what they do not understand", async () => {
    const { socket } = await open();
    socket.write('{"op":"sta');
    socket.write('rt"}\nnonsense\n');
    await until("both lines", () => log.length === 2);
    assert.deepEqual(log, ["start", "stray nonsense"]);
  });

  it("notice the last one's end, however it ends", async () => {
    const first = await open();
    const second = await open();
    first.socket.write("x\n");
    second.socket.write("y\n");
    await until("both to be there", () => log.length === 2);
    first.socket.end();
    await once(first.socket, "close");
    second.socket.write("z\n");
    await until("the second to be heard", () => log.includes("stray z"));
    assert.ok(!log.includes("last"));
    second.socket.destroy();
    await until("the last to be gone", () => log.includes("last"));
  });
});

describe("dialIn", () => {
  it("fails where nobody listens", async () => {
    await assert.rejects(dialIn("/nonexistent")(1), /ENOENT.*00000001-facb-11e6-bd58-64006a7986d3/);
  });
});

describe("hostnameOf", () => {
  it("names a VM after its runtime id", () => {
    assert.equal(hostnameOf({ runtimeId: "0a1b2c3d-0000-0000-0000-000000000000" }), "uvm-0a1b2c3d");
  });
});
