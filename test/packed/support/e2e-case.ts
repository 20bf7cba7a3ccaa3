/** Runs a recorded end-to-end case: every step is one command of the packed executable or one call on its pipe. */
import type { Socket } from "node:net";
import { packAny } from "../../../protos/any.ts";
import { BootstrapParams } from "../../../protos/gen/bootstrap.ts";
import { Any } from "../../../protos/gen/google.ts";
import { Options } from "../../../protos/gen/runhcs.ts";
import { DeleteResponse, type TaskMethods } from "../../../protos/gen/task-v2.ts";
import type { Envelope } from "../../../protos/gen/types.ts";
import { knownTypes } from "../../../protos/known-types.ts";
import { PROCESS_URL } from "../../../protos/type-urls.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";
import type { Recorder, TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { logPipePath } from "../../../shim/bootstrap/address.ts";
import { readCaseText, readExpected, type GoldenCase } from "../../golden/runner/case.ts";
import { replyJson } from "../../golden/runner/replies.ts";
import { optionsMessage } from "../../golden/runner/requests.ts";
import { until } from "../../support/until.ts";
import { addressOf, Containerd } from "./containerd.ts";
import { Essentials } from "./essentials.ts";
import type { WindowsMachine } from "./machine.ts";

const PIPE_END_MS = 20_000;

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
  /** Has been sent all that there is; not closed yet. */
  writer?: Socket;
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
  await using containerd = await Containerd.serve(machine, (envelope) => recorder.note(eventEntry(envelope)));
  const run = new E2eCase(golden, machine, answering, containerd);
  run.prepare();
  const results: Json[] = [];
  for (const [index, step] of run.steps.entries()) results.push(await run.step(index, step));
  return { results, trace: recorder.entries, documents: recorder.documents };
}

class E2eCase {
  readonly steps: readonly Step[];
  readonly #golden: GoldenCase;
  readonly #options: E2eOptions;
  readonly #machine: WindowsMachine;
  readonly #containerd: Containerd;
  readonly #answering: AnsweringMachine;
  readonly #essentials: Essentials;
  readonly #addresses = new Map<string, string>();
  readonly #pipes = new Map<string, ClientPipe>();
  /** Shims that were killed, or told to end. */
  readonly #ending = new Set<string>();

  constructor(
    golden: GoldenCase,
    machine: WindowsMachine,
    answering: AnsweringMachine,
    containerd: Containerd,
  ) {
    this.#golden = golden;
    this.#options = golden.options as unknown as E2eOptions;
    this.steps = this.#options.steps;
    this.#machine = machine;
    this.#containerd = containerd;
    this.#answering = answering;
    const recorded = (readExpected(golden, "trace.json") ?? []) as TraceEntry[];
    this.#essentials = new Essentials(recorded, answering.recorder);
  }

  prepare(): void {
    const { bundles, files = [] } = this.#options;
    for (const [id, spec] of Object.entries(bundles)) {
      const text = spec?.endsWith(".json") === true ? readCaseText(this.#golden, spec) : spec;
      this.#containerd.makeBundle(id, text ?? undefined);
    }
    for (const { path, content = "" } of files) this.#machine.write(path, content);
  }

  async step(index: number, step: Step): Promise<Json> {
    const { recorder } = this.#answering;
    const name = textOf(step["name"]) || textOf(step["method"]);
    recorder.note({ call: "Step", index, op: `${step.op}${name}` });
    const from = recorder.entries.length;
    this.#happen(this.#essentials.of(index));
    const result = await this.#act(step);
    await this.#essentials.settle(index, from);
    return { step: index, ...result };
  }

  /** What others do by themselves is done in the step in which it was when this was recorded. */
  #happen(recorded: readonly TraceEntry[]): void {
    if (recorded.some(isTaskExit)) this.#answering.endPrograms();
    if (recorded.some(({ call }) => call === "HcsModifyProcess"))
      for (const { writer } of this.#pipes.values()) writer?.end();
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
    const { exitCode, stdout, stderr } = await this.#containerd.run(args, {
      cwd,
      stdin: stdinOf(step, args),
      ...(step["noTtrpcAddress"] === true ? { env: { TTRPC_ADDRESS: undefined } } : {}),
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
      ...(isStarted ? { logPipe: await this.#containerd.isServed(logPipePath(...identityOf(args))) } : {}),
    };
  }

  #filesOf(directory: string): Json {
    const names = this.#machine.list(directory).filter((name) => name !== "config.json");
    return Object.fromEntries(names.map((name) => [name, this.#machine.read(`${directory}\\${name}`)]));
  }

  async #rpc(step: Step): Promise<Json> {
    const shim = step.shim ?? "";
    const method = String(step["method"]) as keyof TaskMethods;
    if (method === "Shutdown") this.#ending.add(shim);
    const { ok: _, ...result } = await this.#containerd.call(this.#addressOf(shim), method, {
      ...(step["req"] as object),
      ...(step["requestOptions"] === undefined
        ? {}
        : { options: packAny(Options, optionsMessage(step["requestOptions"] as Json)) }),
      ...(step["spec"] === undefined
        ? {}
        : { spec: Any.create({ typeUrl: PROCESS_URL, value: Buffer.from(JSON.stringify(step["spec"])) }) }),
    });
    return result;
  }

  /** Where the shim of a start that failed would be, too. */
  #addressOf(shim: string): string {
    return this.#addresses.get(shim) ?? addressOf(shim);
  }

  async #servePipe(step: Step): Promise<Json> {
    const pipe: ClientPipe = { received: [], hasEnded: false };
    const path = String(step["pipe"]);
    this.#pipes.set(path, pipe);
    await this.#machine.relay.serve(path, (stream) => {
      stream.on("data", (chunk: Buffer) => pipe.received.push(chunk));
      stream.on("end", () => (pipe.hasEnded = true));
      if (step["send"] === undefined) return;
      stream.write(textOf(step["send"]));
      pipe.writer = stream;
    });
    return {};
  }

  async #readPipe(path: string): Promise<Json> {
    const pipe = this.#pipes.get(path);
    await until(`the end of ${path}`, () => pipe?.hasEnded === true, { timeoutMs: PIPE_END_MS });
    return { data: `${Buffer.concat(pipe?.received ?? []).toString("utf8")}<EOF>` };
  }

  async #kill({ shim = "" }: Step): Promise<Json> {
    this.#ending.add(shim);
    await this.#containerd.kill(shim);
    return {};
  }

  async #isAlive({ shim = "" }: Step): Promise<Json> {
    const address = this.#addressOf(shim);
    if (this.#ending.has(shim)) await this.#containerd.untilGone(address);
    return { listening: await this.#containerd.isServed(address) };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Namespace and id among the arguments of a command. */
function identityOf(args: readonly string[]): [namespace: string, id: string] {
  const [namespace, id] = ["-namespace", "-id"].map((flag) => args[args.indexOf(flag) + 1] ?? "");
  return [namespace ?? "", id ?? ""];
}

function stdinOf(step: Step, args: readonly string[]): Uint8Array {
  if (typeof step["stdinHex"] === "string") return Buffer.from(step["stdinHex"], "hex");
  const options = (step["stdinOptions"] ?? step["stdinBootstrap"]) as Json | undefined;
  if (options === undefined) return Buffer.alloc(0);
  const any = packAny(Options, optionsMessage(options));
  if (step["stdinBootstrap"] === undefined) return Any.encode(any);
  const [namespace, instanceId] = identityOf(args);
  return BootstrapParams.encode({ instanceId, namespace, extensions: [{ value: any }] });
}

function eventEntry({ namespace, topic, event }: Envelope): TraceEntry {
  const type = knownTypes.lookup(event?.typeUrl ?? "");
  const message = type === undefined || event === undefined ? {} : (type.decode(event.value) as object);
  return { call: "Event", event: replyJson(message), namespace, topic, type: type?.typeName ?? "unknown" };
}

/** The end of a task's own process, not of an exec. */
function isTaskExit({ topic, event = {} }: TraceEntry): boolean {
  const { id, containerId } = event as { readonly id?: string; readonly containerId?: string };
  return topic === "/tasks/exit" && id === containerId;
}
