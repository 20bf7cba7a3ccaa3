import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { ComputeSystem, HcsBackend } from "../../../../hcs/api.ts";
import type { JobProcessRequest } from "../../../../hcs/port/jobs.ts";
import { Recorder } from "../../../../hcs/scripted/recorder.ts";
import { ScriptedBackend } from "../../../../hcs/scripted/backend.ts";
import { TraceDeviation } from "../../../../hcs/trace/deviation.ts";
import { parseRecording, type TraceLine } from "../../../../hcs/trace/format.ts";
import { Recording } from "../../../../hcs/trace/recorder.ts";
import { Replay } from "../../../../hcs/trace/replay.ts";
import { FakeBackend } from "../../../support/fake-backend.ts";
import { MemorySink } from "../../../support/memory-sink.ts";

const DOCUMENT = { Owner: "o", SchemaVersion: { Major: 2, Minor: 1 }, VirtualMachine: {} };
const MEMORY = "VirtualMachine/ComputeTopology/Memory/SizeInMB";
const PLATFORM = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  fileBindingSupported: true,
};

function windows(failures: ConstructorParameters<typeof Recorder>[0] = []): HcsBackend {
  return new ScriptedBackend(PLATFORM, [{ path: "C:\\file", content: "text" }], new Recorder(failures));
}

/** Records `live`, and replays it. */
async function twice<T>(
  backend: HcsBackend,
  live: (backend: HcsBackend) => Promise<T>,
): Promise<[T, T, TraceLine[]]> {
  const sink = new MemorySink();
  const first = await live(new Recording(sink).of(backend));
  const replay = new Replay(sink.text);
  const second = await live(replay.backend());
  await replay.finish();
  return [first, second, parseRecording(sink.text)];
}

/** What `live` was refused for, after it had been recorded as `recorded`. */
async function deviate(
  recorded: (backend: HcsBackend) => Promise<unknown>,
  live: (backend: HcsBackend, replay: Replay) => Promise<unknown>,
  patienceMs?: number,
): Promise<string> {
  const sink = new MemorySink();
  await recorded(new Recording(sink).of(windows()));
  const replay = new Replay(sink.text, patienceMs === undefined ? {} : { patienceMs });
  let message = "";
  await assert.rejects(live(replay.backend(), replay), (error) => {
    assert.ok(error instanceof TraceDeviation, String(error));
    message = error.message;
    return true;
  });
  return message;
}

const oneSystem = async ({ computeSystems }: HcsBackend): Promise<ComputeSystem> => {
  const system = await computeSystems.create("one", DOCUMENT);
  await system.start();
  return system;
};

describe("Recording and Replay", () => {
  it("give the same answers, errors and exits", async () => {
    const [first, second] = await twice(
      windows([{ call: "HcsModifyComputeSystem", hresult: 0x8037_0105 }]),
      async (backend) => {
        const system = await oneSystem(backend);
        const refused = await system
          .modify({ ResourcePath: MEMORY, Settings: 512 })
          .catch((error: Error) => error);
        const properties = await system.properties({ PropertyTypes: ["Statistics"] });
        await system.terminate();
        return {
          refused,
          properties,
          exit: await system.exited,
          traits: backend.traits,
          host: await backend.host(),
        };
      },
    );
    assert.deepEqual(second, first);
    assert.equal((second.refused as Error).name, "HcsError");
  });

  it("carry bytes and handles in arguments and answers", async () => {
    const [first, second, lines] = await twice(windows(), async ({ jobs, files }) => {
      assert.ok(jobs);
      const token = await jobs.ownToken();
      const environment = await jobs.environmentOf(token);
      const job = await jobs.create({ name: "j", ioTracking: false, notifications: true });
      const request: JobProcessRequest = {
        path: "C:\\a.exe",
        commandLine: "a.exe",
        environment,
        workingDirectory: "C:\\",
        token,
        flags: 0,
        pseudoConsole: false,
        stdin: true,
        stdout: true,
        stderr: false,
      };
      const process = await job.createProcess(request);
      process.stdio.stdin?.end("input");
      await job.terminate(7);
      const streams = Object.keys(process.stdio);
      return {
        environment,
        streams,
        exit: await process.exited,
        content: Buffer.from(await files.readFile("C:\\file")).toString(),
        can: jobs.canBindFiles,
      };
    });
    assert.deepEqual(second, first);
    assert.deepEqual(second.exit, { exitCode: 7 });
    assert.equal(second.content, "text");
    const made = lines.find((line) => line.kind === "call" && line.method === "createProcess");
    assert.match(JSON.stringify(made), /"token":\{"\$handle":"token-\d+"\}/);
  });

  it("call back listeners of a job", async () => {
    const listeners: (() => void)[] = [];
    const job = {
      onOutOfMemory: (listener: () => void) => void listeners.push(listener),
      processIds: () => Promise.resolve([1]),
    };
    const backend = {
      ...windows(),
      name: "b",
      traits: {},
      jobs: { canBindFiles: false, open: () => Promise.resolve(job) },
    };
    const [first, second] = await twice(backend as unknown as HcsBackend, async ({ jobs }) => {
      let told = 0;
      const opened = await jobs!.open("j", false);
      opened.onOutOfMemory(() => told++);
      opened.onOutOfMemory(() => told++);
      for (const listener of listeners.splice(0)) listener();
      await opened.processIds();
      return told;
    });
    assert.deepEqual([first, second], [2, 2]);
  });

  it("hand over what the host writes to a guest, without the random numbers", async () => {
    const backend = new FakeBackend();
    const sink = new MemorySink();
    const recorded = new Recording(sink).of(backend);
    const vmId = "11111111-2222-3333-4444-555555555555";
    const serviceId = "00000001-facb-11e6-bd58-64006a7986d3";
    const listener = await recorded.hvSocket.listen({ vmId, serviceId });
    backend.dial(serviceId).resume();
    const stream: Duplex = await listener.accept();
    stream.end(Buffer.alloc(512, "secret"));
    await once(stream, "finish");
    assert.doesNotMatch(sink.text, /secret/);
    assert.match(sink.text, /"from":"host","bytes":512/);
  });

  it("leave calls out that the backend has not", async () => {
    const [first, second] = await twice(windows(), async (backend) => {
      const system = await oneSystem(backend);
      return [system.pauseHosted === undefined, system.workingSet === undefined];
    });
    assert.deepEqual(first, [true, false]);
    assert.deepEqual(second, first);
  });
});

describe("Replay", () => {
  it("takes calls in another order where nothing depends on it", async () => {
    const sink = new MemorySink();
    const first = new Recording(sink).of(windows());
    await first.files.stat("C:\\file");
    await first.files.stat("C:\\other");
    const replay = new Replay(sink.text);
    const { files } = replay.backend();
    const [other, file] = await Promise.all([files.stat("C:\\other"), files.stat("C:\\file")]);
    assert.deepEqual([other, file?.kind], [undefined, "file"]);
    await replay.finish();
  });

  it("answers only when everything has happened that had happened before", async () => {
    const sink = new MemorySink();
    const first = new Recording(sink).of(windows());
    const system = await first.computeSystems.create("one", DOCUMENT);
    await first.files.stat("C:\\file");
    await system.terminate();
    await system.exited;
    const replay = new Replay(sink.text);
    const { computeSystems, files } = replay.backend();
    const again = await computeSystems.create("one", DOCUMENT);
    const order: string[] = [];
    const ended = again.terminate().then(() => order.push("terminated"));
    await Promise.all([ended, files.stat("C:\\file").then(() => order.push("stat"))]);
    assert.deepEqual(order, ["stat", "terminated"]);
    await again.exited;
    await replay.finish();
  });

  it("refuses a call that was not recorded, naming what was", async () => {
    const message = await deviate(oneSystem, async (backend) => (await oneSystem(backend)).pause());
    assert.match(message, /came: computeSystem-\d+\.pause\(\); the recording has nothing more/);
  });

  it("refuses a document that differs, naming the place", async () => {
    const message = await deviate(oneSystem, ({ computeSystems }) =>
      computeSystems.create("one", { ...DOCUMENT, Owner: "another" }),
    );
    assert.match(
      message,
      /the recording goes on with call 1: computeSystems-\d+\.create\("one".*differs at \/1\/Owner/,
    );
  });

  it("refuses more calls of a kind than there were", async () => {
    const ask = ({ files }: HcsBackend) => files.stat("C:\\file");
    await deviate(ask, async (backend) => [await ask(backend), await ask(backend)]);
  });

  it("refuses a recording that was not followed to its end", async () => {
    const message = await deviate(oneSystem, async (backend, replay) => {
      await backend.computeSystems.create("one", DOCUMENT);
      await replay.finish();
    });
    assert.match(
      message,
      /the replay ended early, the recording goes on with call 2: computeSystem-\d+\.start\(\)/,
    );
  });

  it("refuses other bytes than were written, and ends everything then", async () => {
    const run = async ({ jobs }: HcsBackend, text: string): Promise<unknown> => {
      const job = await jobs!.create({ name: "j", ioTracking: false, notifications: false });
      const process = await job.createProcess({ stdin: true } as JobProcessRequest);
      process.stdio.stdin!.end(text);
      await job.terminate(1);
      return process.exited;
    };
    const message = await deviate(
      (backend) => run(backend, "yes"),
      (backend) => run(backend, "no!"),
    );
    assert.match(message, /expected stream-\d+: the host writes yes; came: the host writes "no!"/);
  });

  it("ends systems as if the service had gone, when the host has left the recording", async () => {
    const sink = new MemorySink();
    await oneSystem(new Recording(sink).of(windows()));
    const replay = new Replay(sink.text);
    const backend = replay.backend();
    const system = await oneSystem(backend);
    await assert.rejects(system.pause(), TraceDeviation);
    assert.equal((await system.exited).exitType, "ServiceDisconnected");
    await assert.rejects(backend.host(), TraceDeviation);
  });

  it("loses its patience when a call waits for what the host does not do", async () => {
    const message = await deviate(
      async (backend) => {
        await backend.files.stat("C:\\file");
        await backend.files.stat("C:\\other");
      },
      // The second call comes without the first one.
      ({ files }) => {
        const keepAlive = setInterval(() => undefined, 1000);
        return files.stat("C:\\other").finally(() => clearInterval(keepAlive));
      },
      1,
    );
    assert.match(
      message,
      /nothing came for 1 ms; the recording goes on with call 1: files-\d+\.stat\("C:\\\\file"\)/,
    );
  });

  it("gives up with the signal of the caller", async () => {
    const sink = new MemorySink();
    const reason = new Error("enough");
    const ask = (backend: HcsBackend) => backend.hvSocket.listen({ vmId: "v", serviceId: "s" });
    const live = async (backend: HcsBackend): Promise<void> => {
      const listener = await ask(backend);
      const abort = new AbortController();
      const accepting = listener.accept({ signal: abort.signal });
      abort.abort(reason);
      await assert.rejects(accepting, reason);
      await listener.close();
    };
    await live(new Recording(sink).of(windows()));
    const replay = new Replay(sink.text);
    await live(replay.backend());
    await replay.finish();
  });

  it("has no more backends than were recorded", () => {
    const sink = new MemorySink();
    new Recording(sink).of(windows());
    const replay = new Replay(sink.text);
    replay.backend();
    assert.throws(() => replay.backend(), /the recording has no more of them/);
  });
});
