import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import type { HcsProcess, ProcessSignal } from "../../../../hcs/api.ts";
import type { GuestOs } from "../../../../hcs/guest/stdio.ts";
import { vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";
import type { ProcessParameters } from "../../../../hcs/schema/process.ts";
import { collectDiagnostics, isBackgroundFailure } from "./diagnostics.ts";
import { hungUp } from "./sockets.ts";
import { CAPABILITIES, GuestRig, type GuestRequest, type JsonBody } from "./scripted-guest.ts";

const ALL_PIPES: ProcessParameters = {
  CreateStdInPipe: true,
  CreateStdOutPipe: true,
  CreateStdErrPipe: true,
};
const FIRST_PORT = 0x4000_0001;
const WINDOWS = {
  RuntimeOsType: "Windows",
  GuestDefinedCapabilities: { SignalProcessSupported: true },
};

interface RunOptions {
  readonly capabilities?: JsonBody;
  readonly os?: GuestOs;
  readonly inVm?: boolean;
}

interface RunningProcess {
  readonly process: HcsProcess;
  /** The guest's ends, in the order stdin, stdout, stderr. */
  readonly streams: readonly Socket[];
  readonly wait: GuestRequest;
}

describe("createProcess", () => {
  let rig: GuestRig;

  afterEach(() => rig.dispose());

  it("listens for every stream before it asks, and stops listening once the guest has dialled", async () => {
    rig = await GuestRig.negotiated();
    const created = rig.connection.createProcess(ALL_PIPES);
    const request = await rig.guest.next("ExecuteProcess");
    const ports = [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2];
    assert.deepEqual(request.body["Settings"], {
      ProcessParameters: JSON.stringify(ALL_PIPES),
      VsockStdioRelaySettings: { StdIn: ports[0], StdOut: ports[1], StdErr: ports[2] },
    });
    assert.deepEqual(rig.sockets.open, ports.map(vsockServiceId));
    for (const port of ports) await rig.sockets.dial(port);
    rig.guest.answer(request, { ProcessId: 12 });
    assert.equal((await created).processId, 12);
    assert.deepEqual((await rig.guest.next("WaitForProcess")).body, {
      ContainerId: "00000000-0000-0000-0000-000000000000",
      ActivityId: "00000000-0000-0000-0000-000000000000",
      ProcessId: 12,
      TimeoutInMs: 0xffff_ffff,
    });
    assert.deepEqual(rig.sockets.open, []);
  });

  it("takes a port for each stream that was asked for, and none twice", async () => {
    rig = await GuestRig.negotiated();
    const created = [
      rig.connection.createProcess({ CreateStdOutPipe: true }),
      rig.connection.createProcess({}),
      rig.connection.createProcess({ CreateStdInPipe: true, CreateStdErrPipe: true }),
    ];
    const settings = new Map<string, unknown>();
    for (const _ of created) {
      const request = await rig.guest.next("ExecuteProcess");
      const body = request.body["Settings"] as JsonBody;
      settings.set(body["ProcessParameters"] as string, body["VsockStdioRelaySettings"]);
      rig.guest.refuse(request, 0x8000_4005);
    }
    assert.deepEqual(
      (await Promise.allSettled(created)).map(({ status }) => status),
      ["rejected", "rejected", "rejected"],
    );
    const ports = [...settings.values()].flatMap(
      (addresses) => Object.values(addresses as object) as number[],
    );
    assert.deepEqual(ports.sort(), [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2]);
    assert.deepEqual(
      Object.keys(settings.get('{"CreateStdInPipe":true,"CreateStdErrPipe":true}') as object),
      ["StdIn", "StdErr"],
    );
    assert.deepEqual(settings.get("{}"), {});
  });

  it("gives a Windows guest service ids", async () => {
    rig = await GuestRig.negotiated(WINDOWS, { os: "windows" });
    const created = rig.connection.createProcess({ CreateStdInPipe: true, CreateStdErrPipe: true });
    const request = await rig.guest.next("ExecuteProcess");
    const { StdioRelaySettings } = request.body["Settings"] as JsonBody;
    assert.deepEqual(StdioRelaySettings, {
      StdIn: "40000001-facb-11e6-bd58-64006a7986d3",
      StdErr: "40000002-facb-11e6-bd58-64006a7986d3",
    });
    rig.guest.refuse(request, 0x8000_4005);
    await assert.rejects(created);
  });

  it("sends nothing and keeps no listener when it cannot listen", async () => {
    rig = await GuestRig.negotiated();
    rig.sockets.failListenFrom = 2;
    await assert.rejects(rig.connection.createProcess(ALL_PIPES), /cannot listen on 40000003/);
    assert.deepEqual(rig.sockets.open, []);
    assert.deepEqual(rig.guest.unread, []);
  });

  it("keeps no listener and no stream when the guest refuses", async () => {
    rig = await GuestRig.negotiated();
    using diagnostics = collectDiagnostics();
    const created = rig.connection.createProcess(ALL_PIPES);
    const request = await rig.guest.next("ExecuteProcess");
    const dialled = await rig.sockets.dial(FIRST_PORT);
    rig.guest.refuse(request, 0x8000_4005, "exec: no such file");
    await assert.rejects(created, /^HcsError: cannot create process in guest "pod1@vm": .*no such file/);
    assert.deepEqual(rig.sockets.open, []);
    await hungUp(dialled);
    assert.deepEqual(diagnostics.seen.filter(isBackgroundFailure), []);
  });

  it("refuses a guest that names no process", async () => {
    rig = await GuestRig.negotiated();
    const created = rig.connection.createProcess({ CreateStdOutPipe: true });
    rig.guest.answer(await rig.guest.next("ExecuteProcess"));
    await assert.rejects(created, /the guest reported no process id/);
    assert.deepEqual(rig.sockets.open, []);
  });

  it("kills a process that comes after its caller has given up", async () => {
    rig = await GuestRig.negotiated();
    const budget = new AbortController();
    const created = rig.connection.createProcess(ALL_PIPES, { signal: budget.signal });
    const request = await rig.guest.next("ExecuteProcess");
    budget.abort(new Error("phase exec ran out"));
    await assert.rejects(created, /phase exec ran out/);
    assert.deepEqual(rig.sockets.open, []);
    rig.guest.answer(request, { ProcessId: 12 });
    const wait = await rig.guest.next("WaitForProcess");
    const kill = await rig.guest.next("SignalProcess");
    assert.deepEqual(
      [wait.body["ProcessId"], kill.body["ProcessId"], kill.body["Options"]],
      [12, 12, undefined],
    );
  });

  it("reports when the process it should kill cannot be killed", async () => {
    rig = await GuestRig.negotiated();
    using diagnostics = collectDiagnostics();
    const budget = new AbortController();
    const created = rig.connection.createProcess({}, { signal: budget.signal });
    const request = await rig.guest.next("ExecuteProcess");
    budget.abort();
    await assert.rejects(created, { name: "AbortError" });
    rig.guest.answer(request, { ProcessId: 12 });
    await rig.guest.next("WaitForProcess");
    rig.guest.refuse(await rig.guest.next("SignalProcess"), 0xc037_010e);
    assert.equal((await diagnostics.next(isBackgroundFailure)).work, "killing abandoned process 12");
  });
});

describe("GuestProcess", () => {
  let rig: GuestRig;

  afterEach(() => rig.dispose());

  /** A running process of container `web`, or of the VM itself; the guest has dialled its streams. */
  async function run(
    parameters: ProcessParameters,
    { capabilities = CAPABILITIES, os = "linux", inVm = false }: RunOptions = {},
  ): Promise<RunningProcess> {
    rig = await GuestRig.negotiated(capabilities, { os });
    const created = inVm ? rig.connection.createProcess(parameters) : createInContainer(parameters);
    if (!inVm) rig.guest.answer(await rig.guest.next("Create"));
    const request = await rig.guest.next("ExecuteProcess");
    const streams: Socket[] = [];
    for (const service of [...rig.sockets.open]) streams.push(await rig.sockets.dial(parseInt(service, 16)));
    rig.guest.answer(request, { ProcessId: 12 });
    const process = await created;
    return { process, streams, wait: await rig.guest.next("WaitForProcess") };
  }

  async function createInContainer(parameters: ProcessParameters): Promise<HcsProcess> {
    const config = { SchemaVersion: { Major: 2, Minor: 1 }, Container: {} };
    const container = await rig.connection.createContainer("web", config);
    return container.createProcess(parameters);
  }

  describe("exited", () => {
    const answers: readonly (readonly [name: string, answer: JsonBody, exitCode: number])[] = [
      ["the guest's exit code", { ExitCode: 137 }, 137],
      ["0 where the guest leaves it out", {}, 0],
      ["unsigned", { ExitCode: -1 }, 0xffff_ffff],
      ["unknown for a process that the guest has forgotten", { Result: 0x8007_0490 | 0 }, 0xffff_ffff],
    ];
    for (const [name, answer, exitCode] of answers) {
      it(`is ${name}`, async () => {
        const { process, wait } = await run({});
        rig.guest.answer(wait, answer);
        assert.deepEqual(await process.exited, { exitCode });
      });
    }

    it("rejects when the guest fails the wait", async () => {
      const { process, wait } = await run({});
      rig.guest.refuse(wait, 0xc037_0109);
      await assert.rejects(process.exited, /^HcsError: cannot wait for process 12 in guest container "web"/);
    });
  });

  describe("stdio", () => {
    it("carries bytes both ways, and the end of stdin as a half-close", async () => {
      const { process, streams, wait } = await run(ALL_PIPES);
      const [stdin, stdout, stderr] = streams as [Socket, Socket, Socket];
      const { stdio } = process;
      // The program: copies its input to stdout, then says something on stderr.
      stdin.pipe(stdout);
      stdin.on("end", () => stderr.end("done"));
      stdio.stdin!.write("hello ");
      stdio.stdin!.write("world");
      const output = Promise.all([buffer(stdio.stdout!), buffer(stdio.stderr!)]);
      await process.closeStdin();
      await process.closeStdin();
      assert.deepEqual((await output).map(String), ["hello world", "done"]);
      rig.guest.answer(wait, { ExitCode: 0 });
      await process.exited;
      await process.close();
    });

    it("can be used before the guest has dialled", async () => {
      rig = await GuestRig.negotiated(WINDOWS, { os: "windows" });
      const created = rig.connection.createProcess(ALL_PIPES);
      rig.guest.answer(await rig.guest.next("ExecuteProcess"), { ProcessId: 12 });
      const { stdio } = await created;
      stdio.stdin!.end("input");
      const output = buffer(stdio.stdout!);
      const [stdin, stdout] = [await rig.sockets.dial(FIRST_PORT), await rig.sockets.dial(FIRST_PORT + 1)];
      assert.equal((await buffer(stdin)).toString(), "input");
      stdout.end("output");
      assert.equal((await output).toString(), "output");
    });

    it("has only the streams that were asked for", async () => {
      const { process } = await run({ CreateStdOutPipe: true });
      assert.deepEqual(Object.keys(process.stdio), ["stdout"]);
      await process.closeStdin();
    });

    it("ends the host's side at end of file, without which the guest would withhold the exit", async () => {
      const { process, streams, wait } = await run({ CreateStdOutPipe: true, CreateStdErrPipe: true });
      const output = Promise.all([buffer(process.stdio.stdout!), buffer(process.stdio.stderr!)]);
      // The relay of the guest: end of file, then it waits for the host's end of each stream.
      for (const stream of streams) {
        stream.resume();
        stream.end("bye");
      }
      for (const stream of streams) await once(stream, "end");
      rig.guest.answer(wait, { ExitCode: 3 });
      assert.deepEqual(await process.exited, { exitCode: 3 });
      assert.deepEqual((await output).map(String), ["bye", "bye"]);
    });

    it("keeps reading what nobody wants any more, until its end", async () => {
      const { process, streams } = await run({ CreateStdOutPipe: true });
      const [stdout] = streams as [Socket];
      process.stdio.stdout!.destroy();
      // Far more than sockets buffer: without a reader this write would never complete.
      stdout.end(Buffer.alloc(16 * 1024 * 1024));
      stdout.resume();
      await once(stdout, "close");
    });

    it("stops reading for a slow consumer", async () => {
      const { process, streams } = await run({ CreateStdOutPipe: true });
      const [stdout] = streams as [Socket];
      stdout.write(Buffer.alloc(16 * 1024 * 1024));
      await once(process.stdio.stdout!, "readable");
      // Both ends are in this process: so many turns would carry all of it across.
      for (let turn = 0; turn < 500; turn++) {
        assert.ok(process.stdio.stdout!.readableLength < 1024 * 1024);
        await new Promise(setImmediate);
      }
      assert.ok(stdout.writableLength > 8 * 1024 * 1024);
    });

    it("reports a broken input without anyone listening", async () => {
      const { process, streams } = await run({ CreateStdInPipe: true });
      using diagnostics = collectDiagnostics();
      streams[0]!.destroy();
      await once(streams[0]!, "close");
      process.stdio.stdin!.write("nobody reads this");
      const failure = await diagnostics.next(isBackgroundFailure);
      assert.equal(failure.work, "stdin of a process");
      assert.equal((failure.error as NodeJS.ErrnoException).code, "EPIPE");
    });
  });

  describe("signal", () => {
    const delivered: readonly (readonly [
      os: "linux" | "windows",
      signal: ProcessSignal,
      options: unknown,
    ])[] = [
      ["linux", 15, { Signal: 15 }],
      ["linux", 9, { Signal: 9 }],
      ["windows", "CtrlBreak", { Signal: "CtrlBreak" }],
      ["windows", 15, { Signal: "CtrlShutdown" }],
      ["windows", 9, undefined],
    ];
    for (const [os, signal, options] of delivered) {
      it(`sends ${JSON.stringify(options)} for ${signal} to a ${os} guest`, async () => {
        const capabilities = os === "linux" ? CAPABILITIES : WINDOWS;
        const { process } = await run({}, { os, capabilities });
        const outcome = process.signal(signal);
        const request = await rig.guest.next("SignalProcess");
        assert.deepEqual([request.body["ProcessId"], request.body["Options"]], [12, options]);
        rig.guest.answer(request);
        assert.equal(await outcome, "delivered");
      });
    }

    for (const gone of [0x8007_0490, 0xc037_0110, 0xc037_010e]) {
      it(`is "gone" when the guest answers 0x${gone.toString(16)}`, async () => {
        const { process } = await run({});
        const outcome = process.signal(15);
        rig.guest.refuse(await rig.guest.next("SignalProcess"), gone);
        assert.equal(await outcome, "gone");
      });
    }

    it("is an error for a process of the VM, which a Linux guest cannot signal", async () => {
      const { process } = await run({}, { inVm: true });
      const outcome = process.signal(15);
      rig.guest.refuse(await rig.guest.next("SignalProcess"), 0xc037_010e);
      await assert.rejects(outcome, /^HcsError: cannot signal process 12 in guest "pod1@vm"/);
    });

    it(`is "gone" without asking once the process has exited`, async () => {
      const { process, wait } = await run({});
      rig.guest.answer(wait, { ExitCode: 0 });
      await process.exited;
      assert.equal(await process.signal(15), "gone");
      assert.equal(await process.terminate(), "gone");
      assert.deepEqual(rig.guest.unread, []);
    });

    it("rejects when the connection is lost, as nobody knows the process's fate", async () => {
      const { process } = await run({});
      rig.guest.socket.end();
      await rig.connection.closed;
      await assert.rejects(process.signal(15), { symbol: "HCS_E_CONNECTION_CLOSED" });
    });

    it("refuses a signal that the guest does not have", async () => {
      const { process } = await run({});
      await assert.rejects(process.signal(64), {
        symbol: "E_INVALIDARG",
        message: /the linux guest has no signal 64/,
      });
      assert.deepEqual(rig.guest.unread, []);
    });

    it("does not wait for a Windows guest, and reports when it fails after all", async () => {
      const { process } = await run({}, { os: "windows", capabilities: WINDOWS });
      using diagnostics = collectDiagnostics();
      assert.equal(await process.signal("CtrlC"), "delivered");
      rig.guest.refuse(await rig.guest.next("SignalProcess"), 0x8000_4005);
      assert.equal((await diagnostics.next(isBackgroundFailure)).work, "signalling process 12");
    });

    it("terminate sends no options, which means kill", async () => {
      const { process } = await run({});
      const outcome = process.terminate();
      const request = await rig.guest.next("SignalProcess");
      assert.equal("Options" in request.body, false);
      rig.guest.answer(request);
      assert.equal(await outcome, "delivered");
    });
  });

  describe("resize", () => {
    it("sends rows and columns", async () => {
      const { process } = await run({});
      const resized = process.resize({ height: 50, width: 160 });
      const request = await rig.guest.next("ResizeConsole");
      assert.deepEqual([request.body["Height"], request.body["Width"]], [50, 160]);
      rig.guest.answer(request);
      await resized;
    });

    for (const size of [
      { height: 65536, width: 1 },
      { height: 1, width: -1 },
      { height: 1.5, width: 1 },
    ]) {
      it(`refuses ${JSON.stringify(size)}`, async () => {
        const { process } = await run({});
        await assert.rejects(process.resize(size), { symbol: "E_INVALIDARG" });
        assert.deepEqual(rig.guest.unread, []);
      });
    }
  });

  describe("close", () => {
    it("goes on reading as long as the process lives, and lets go with its exit", async () => {
      const { process, streams, wait } = await run(ALL_PIPES);
      const [stdin, stdout, stderr] = streams as [Socket, Socket, Socket];
      await Promise.all([process.close(), process.close()]);
      await hungUp(stdin);
      stdout.write(Buffer.alloc(16 * 1024 * 1024));
      if (stdout.writableNeedDrain) await once(stdout, "drain");
      rig.guest.answer(wait, { ExitCode: 0 });
      await process.exited;
      for (const stream of [stdout, stderr]) await hungUp(stream);
    });

    it("still takes in a guest that dials late, so that init output has its reader", async () => {
      rig = await GuestRig.negotiated(WINDOWS, { os: "windows" });
      const created = rig.connection.createProcess({ CreateStdOutPipe: true });
      rig.guest.answer(await rig.guest.next("ExecuteProcess"), { ProcessId: 12 });
      const process = await created;
      await process.close();
      const stdout = await rig.sockets.dial(FIRST_PORT);
      stdout.end(Buffer.alloc(16 * 1024 * 1024));
      await once(stdout.resume(), "close");
    });

    it("lets go at once after the exit, listeners included", async () => {
      const { process, streams, wait } = await run({ CreateStdOutPipe: true });
      streams[0]!.write("unread");
      rig.guest.answer(wait, { ExitCode: 0 });
      await process.exited;
      await process.close();
      await hungUp(streams[0]!);
    });

    it("lets go at once after the connection was lost, listeners included", async () => {
      rig = await GuestRig.negotiated(WINDOWS, { os: "windows" });
      const created = rig.connection.createProcess({ CreateStdOutPipe: true });
      rig.guest.answer(await rig.guest.next("ExecuteProcess"), { ProcessId: 12 });
      const process = await created;
      rig.guest.socket.end();
      await assert.rejects(process.exited);
      assert.equal(rig.sockets.open.length, 1);
      await process.close();
      assert.deepEqual(rig.sockets.open, []);
      assert.equal(process.stdio.stdout!.destroyed, true);
    });
  });
});
