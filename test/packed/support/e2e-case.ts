/** Runs a recorded end-to-end case: every step is one command of the packed executable or one call on its pipe. */
import type { Socket } from "node:net";
import { packAny } from "../../../protos/any.ts";
import { BootstrapParams } from "../../../protos/gen/bootstrap.ts";
import { Events } from "../../../protos/gen/events.ts";
import { Any } from "../../../protos/gen/google.ts";
import { Options } from "../../../protos/gen/runhcs.ts";
import { DeleteResponse, Task } from "../../../protos/gen/task-v2.ts";
import type { Envelope } from "../../../protos/gen/types.ts";
import { knownTypes } from "../../../protos/known-types.ts";
import { PROCESS_URL } from "../../../protos/type-urls.ts";
import type { MethodDescriptor } from "../../../protos/types.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";
import type { Recorder } from "../../../hcs/scripted/recorder.ts";
import { type TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { shimAddress } from "../../../shim/bootstrap/address.ts";
import { Client, Code, RpcError, Server } from "../../../shim/ttrpc/index.ts";
import { readCaseText, readExpected, type GoldenCase } from "../../golden/runner/case.ts";
import { replyJson } from "../../golden/runner/replies.ts";
import { optionsMessage } from "../../golden/runner/requests.ts";
import { until } from "../../support/until.ts";
import type { WindowsMachine } from "./machine.ts";

const SHIM = "containerd-shim-runhcs-v1";
const EVENT_PIPE = "\\\\.\\pipe\\ctd.ttrpc";
/** What every step of the recordings was given. */
const CONTAINERD = { namespace: "k8s.io", containerd: "\\\\.\\pipe\\ctd" };
/** What a step waits for at most, unless what it waits for can take longer by itself. */
const SETTLE_MS = 20_000;
const CALL_MS = 60_000;

interface Step extends Json {
  readonly op: string;
  readonly shim?: string;
}

interface E2eOptions {
  readonly bundles: Readonly<Record<string, string | null>>;
  readonly files?: readonly { readonly path: string; readonly content?: string }[];
  readonly steps: readonly Step[];
}

/** What a run of a case left. */
export interface E2eRun {
  readonly results: readonly Json[];
  readonly trace: readonly TraceEntry[];
  readonly documents: ReadonlyMap<string, unknown>;
}

/** A pipe that the client of a task serves. */
interface ClientPipe {
  readonly received: Buffer[];
  connection?: Socket;
  hasEnded: boolean;
}

/** The machine that answers, as the runner knows it. */
export interface AnsweringMachine {
  readonly recorder: Recorder;
  /** Whoever is about to end by itself does so. */
  endPrograms(): void;
}

export async function runE2eCase(
  golden: GoldenCase,
  machine: WindowsMachine,
  answering: AnsweringMachine,
): Promise<E2eRun> {
  const { recorder } = answering;
  const run = new E2eCase(golden, machine, answering);
  const results: Json[] = [];
  try {
    await run.prepare();
    for (const [index, step] of run.steps.entries()) results.push(await run.step(index, step));
  } finally {
    await run.end();
  }
  return { results, trace: recorder.entries, documents: recorder.documents };
}

class E2eCase {
  readonly steps: readonly Step[];
  readonly #golden: GoldenCase;
  readonly #options: E2eOptions;
  readonly #machine: WindowsMachine;
  readonly #answering: AnsweringMachine;
  readonly #recorder: Recorder;
  /** What each step has to leave in the trace, beside what an implementation may do as it likes. */
  readonly #expected: readonly (readonly TraceEntry[])[];
  readonly #addresses = new Map<string, string>();
  readonly #clients = new Map<string, Client>();
  readonly #pipes = new Map<string, ClientPipe>();
  /** Addresses whose server has closed its connection. */
  readonly #hungUp = new Set<string>();
  /** Shims that were killed, or told to end. */
  readonly #ending = new Set<string>();
  readonly #events = new Server();
  /** A step did not lead to what was recorded: nothing that follows is worth waiting for. */
  #hasStrayed = false;

  constructor(golden: GoldenCase, machine: WindowsMachine, answering: AnsweringMachine) {
    this.#golden = golden;
    this.#options = golden.options as unknown as E2eOptions;
    this.steps = this.#options.steps;
    this.#machine = machine;
    this.#answering = answering;
    this.#recorder = answering.recorder;
    this.#expected = splitSteps((readExpected(golden, "trace.json") ?? []) as TraceEntry[]);
  }

  async prepare(): Promise<void> {
    const { bundles, files = [] } = this.#options;
    for (const [id, spec] of Object.entries(bundles)) {
      this.#machine.makeDirectory(`C:\\bundles\\${id}`);
      const text = spec?.endsWith(".json") === true ? readCaseText(this.#golden, spec) : spec;
      if (text !== null && text !== undefined) this.#machine.write(`C:\\bundles\\${id}\\config.json`, text);
    }
    for (const { path, content = "" } of files) this.#machine.write(path, content);
    this.#events.register(Events, {
      Forward: ({ envelope }) => {
        if (envelope !== undefined) this.#recorder.note(eventEntry(envelope));
        return {};
      },
    });
    await this.#machine.relay.serve(EVENT_PIPE, (stream) => void this.#events.handleConnection(stream));
  }

  async step(index: number, step: Step): Promise<Json> {
    const from = this.#recorder.entries.length;
    const name = textOf(step["name"]) || textOf(step["method"]);
    this.#recorder.note({ call: "Step", index, op: `${step.op}${name}` });
    const toCome = this.#expected[index] ?? [];
    // A program that ends by itself does so in the step in which it did when this was recorded.
    if (toCome.some(isTaskExit)) this.#answering.endPrograms();
    const result = await this.#act(step);
    await this.#settle(from, toCome);
    return { step: index, ...result };
  }

  async end(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
    await this.#events.close();
  }

  /** What the step sets going has come to its end when everything is there that was recorded. */
  async #settle(from: number, expected: readonly TraceEntry[]): Promise<void> {
    const wanted = expected.filter(isEssential).length;
    const count = (): number => this.#recorder.entries.slice(from + 1).filter(isEssential).length;
    // What never comes shows in the comparison.
    await until("what the step sets going", () => count() >= wanted, {
      timeoutMs: this.#hasStrayed ? 0 : SETTLE_MS,
    }).catch(() => (this.#hasStrayed = true));
  }

  #act(step: Step): Promise<Json> {
    switch (step.op) {
      case "verb":
        return this.#verb(step);
      case "rpc":
        return this.#rpc(step);
      case "pipe":
        return this.#servePipe(step);
      case "readpipe":
        return this.#readPipe(String(step["pipe"]));
      case "killshim":
        return this.#kill(step);
      case "alive":
        return this.#isAlive(step);
      case "sleep":
        // What it was for is waited for where it shows.
        return Promise.resolve({});
      default:
        throw new Error(`the case has a step "${step.op}", which this runner does not know`);
    }
  }

  async #verb(step: Step): Promise<Json> {
    const [cwd, args, name] = [String(step["cwd"]), step["args"] as string[], String(step["name"])];
    const { exitCode, stdout, stderr } = await this.#machine.run(SHIM, args, {
      cwd,
      stdin: stdinOf(step, args),
      env: { TTRPC_ADDRESS: step["noTtrpcAddress"] === true ? undefined : EVENT_PIPE },
    });
    const isStarted = name === "start" && exitCode === 0;
    if (isStarted && step.shim !== undefined) this.#addresses.set(step.shim, stdout.toString("utf8"));
    const answer =
      name === "delete" && exitCode === 0
        ? { stdoutDeleteResponse: replyJson(DeleteResponse.decode(stdout)) }
        : { stdout: stdout.toString("utf8") };
    return {
      exitCode,
      ...answer,
      stderr,
      files: this.#filesOf(cwd),
      ...(isStarted ? { logPipe: await this.#machine.relay.isServed(logPipe(args)) } : {}),
    };
  }

  #filesOf(directory: string): Json {
    const names = this.#machine.list(directory).filter((name) => name !== "config.json");
    return Object.fromEntries(names.map((name) => [name, this.#machine.read(`${directory}\\${name}`)]));
  }

  async #rpc(step: Step): Promise<Json> {
    const method = Task.methods[String(step["method"]) as keyof typeof Task.methods] as MethodDescriptor;
    if (method === Task.methods.Shutdown) this.#ending.add(step.shim ?? "");
    const request = method.input.create({
      ...(step["req"] as object),
      ...(step["requestOptions"] === undefined
        ? {}
        : { options: packAny(Options, optionsMessage(step["requestOptions"] as Json)) }),
      ...(step["spec"] === undefined
        ? {}
        : { spec: Any.create({ typeUrl: PROCESS_URL, value: Buffer.from(JSON.stringify(step["spec"])) }) }),
    });
    try {
      const client = await this.#client(step.shim ?? "");
      const payload = await client.callRaw(
        Task.typeName,
        method.name,
        method.input.encode(request as never),
        {
          timeoutMs: CALL_MS,
        },
      );
      return { response: replyJson(method.output.decode(payload) as object) };
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      const code = Object.entries(Code).find(([, number]) => number === error.code)?.[0];
      return { error: { code, message: error.message } };
    }
  }

  async #client(shim: string): Promise<Client> {
    const address = this.#addressOf(shim);
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const stream = await this.#machine.relay.dial(address);
    for (const end of ["end", "close"]) stream.once(end, () => this.#hungUp.add(address));
    const client = new Client(stream);
    this.#clients.set(address, client);
    return client;
  }

  /** Where the shim of a start that failed would be. */
  #addressOf(shim: string): string {
    return this.#addresses.get(shim) ?? shimAddress({ ...CONTAINERD, group: shim }, "win32").path;
  }

  async #servePipe(step: Step): Promise<Json> {
    const pipe: ClientPipe = { received: [], hasEnded: false };
    const path = String(step["pipe"]);
    this.#pipes.set(path, pipe);
    await this.#machine.relay.serve(path, (stream) => {
      stream.on("data", (chunk: Buffer) => pipe.received.push(chunk));
      stream.on("end", () => (pipe.hasEnded = true));
      if (step["send"] !== undefined) stream.end(textOf(step["send"]));
    });
    return {};
  }

  async #readPipe(path: string): Promise<Json> {
    const pipe = this.#pipes.get(path);
    await until(`the end of ${path}`, () => pipe?.hasEnded === true, { timeoutMs: SETTLE_MS });
    return { data: `${Buffer.concat(pipe?.received ?? []).toString("utf8")}<EOF>` };
  }

  async #kill(step: Step): Promise<Json> {
    const shim = step.shim ?? "";
    this.#ending.add(shim);
    await this.#machine.relay.kill(Number(this.#machine.read(`C:\\bundles\\${shim}\\shim.pid`)));
    return {};
  }

  async #isAlive({ shim = "" }: Step): Promise<Json> {
    const address = this.#addressOf(shim);
    const isServed = (): Promise<boolean> => this.#machine.relay.isServed(address);
    if (this.#ending.has(shim)) {
      // A process takes a moment to end. Who dials a pipe that is going away waits for it: the shim has to hang up first.
      if (this.#clients.has(address))
        await until("the shim to hang up", () => this.#hungUp.has(address), { timeoutMs: SETTLE_MS });
      await until("the shim to end", async () => !(await isServed()), { timeoutMs: SETTLE_MS });
    }
    return { listening: await isServed() };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function logPipe(args: readonly string[]): string {
  const [namespace, id] = ["-namespace", "-id"].map((flag) => args[args.indexOf(flag) + 1] ?? "");
  return `\\\\.\\pipe\\containerd-shim-${namespace}-${id}-log`;
}

function stdinOf(step: Step, args: readonly string[]): Uint8Array {
  if (typeof step["stdinHex"] === "string") return Buffer.from(step["stdinHex"], "hex");
  const options = (step["stdinOptions"] ?? step["stdinBootstrap"]) as Json | undefined;
  if (options === undefined) return Buffer.alloc(0);
  const any = packAny(Options, optionsMessage(options));
  if (step["stdinBootstrap"] === undefined) return Any.encode(any);
  const [namespace = "", instanceId = ""] = ["-namespace", "-id"].map(
    (flag) => args[args.indexOf(flag) + 1] ?? "",
  );
  return BootstrapParams.encode({ instanceId, namespace, extensions: [{ value: any }] });
}

function eventEntry({ namespace, topic, event }: Envelope): TraceEntry {
  const type = knownTypes.lookup(event?.typeUrl ?? "");
  const message = type === undefined || event === undefined ? {} : (type.decode(event.value) as object);
  return { call: "Event", event: replyJson(message), namespace, topic, type: type?.typeName ?? "unknown" };
}

/** Calls by which somebody only looks, or comes and goes. */
const PASSING = /^(?:Hcs(?:Open|Close|Get)\w+|GetLayerMountPath|GrantVmAccess)$/;

function isEssential({ call }: TraceEntry): boolean {
  return !PASSING.test(call);
}

function isTaskExit({ topic, event = {} }: TraceEntry): boolean {
  const { id, containerId } = event as { readonly id?: string; readonly containerId?: string };
  return topic === "/tasks/exit" && id === containerId;
}

/** Entries of each step. */
function splitSteps(trace: readonly TraceEntry[]): TraceEntry[][] {
  const steps: TraceEntry[][] = [];
  for (const entry of trace) {
    if (entry.call === "Step") steps.push([]);
    else steps.at(-1)?.push(entry);
  }
  return steps;
}
