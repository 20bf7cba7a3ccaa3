/** containerd's part of a pod's life: bundles, the verbs of the packed shim, calls on the pipes it serves, events. */
import { Events } from "../../../protos/gen/events.ts";
import { DeleteResponse, Task, type TaskMethods } from "../../../protos/gen/task-v2.ts";
import type { Envelope } from "../../../protos/gen/types.ts";
import type { MethodDescriptor } from "../../../protos/types.ts";
import { shimAddress } from "../../../shim/bootstrap/address.ts";
import { Client, Code, RpcError, Server } from "../../../shim/ttrpc/index.ts";
import { replyJson } from "../../golden/runner/replies.ts";
import type { StepOutcome } from "../../golden/runner/task-service-handlers.ts";
import { until } from "../../support/until.ts";
import type { VerbOptions, VerbResult, WindowsMachine } from "./machine.ts";

export const SHIM = "containerd-shim-runhcs-v1";
/** The program in C in front of it. */
export const LAUNCHER: string = `native/${SHIM}`;
const NAMESPACE = "k8s.io";
const ADDRESS = "\\\\.\\pipe\\ctd";
const EVENT_PIPE = "\\\\.\\pipe\\ctd.ttrpc";
const END_MS = 30_000;
const CALL_MS = 60_000;

export interface ContainerdOptions {
  /** What is run for the verbs; {@link SHIM} unless said otherwise. */
  readonly program?: string;
  /** Added to the environment of every verb. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class Containerd implements AsyncDisposable {
  readonly #machine: WindowsMachine;
  readonly #options: ContainerdOptions;
  readonly #events = new Server();
  readonly #clients = new Map<string, Client>();
  /** Addresses whose server has closed its connection. */
  readonly #hungUp = new Set<string>();

  private constructor(machine: WindowsMachine, options: ContainerdOptions) {
    this.#machine = machine;
    this.#options = options;
  }

  /** @param onEvent is told what shims publish */
  static async serve(
    machine: WindowsMachine,
    onEvent: (envelope: Envelope) => void,
    options: ContainerdOptions = {},
  ): Promise<Containerd> {
    const containerd = new Containerd(machine, options);
    containerd.#events.register(Events, {
      Forward: ({ envelope }) => {
        if (envelope !== undefined) onEvent(envelope);
        return {};
      },
    });
    await machine.relay.serve(EVENT_PIPE, (stream) => void containerd.#events.handleConnection(stream));
    return containerd;
  }

  /** @param config content of `config.json`; a bundle without one if it is left out */
  makeBundle(id: string, config?: string): void {
    this.#machine.makeDirectory(bundleOf(id));
    if (config !== undefined) this.#machine.write(`${bundleOf(id)}\\config.json`, config);
  }

  /** Runs the executable as containerd does. @param args after the name of the program */
  run(args: readonly string[], options: VerbOptions): Promise<VerbResult> {
    const { program = SHIM, env } = this.#options;
    return this.#machine.run(program, args, {
      ...options,
      env: { TTRPC_ADDRESS: EVENT_PIPE, ...env, ...options.env },
    });
  }

  /** `start` in a bundle. @returns the address that it printed @throws with what it said when it fails */
  async start(id: string, options: VerbOptions = {}): Promise<string> {
    const result = await this.run(startArguments(id), { cwd: bundleOf(id), ...options });
    requireSuccess("start", id, result);
    return result.stdout.toString("utf8");
  }

  /** `delete` of a task. @throws with what it said when it fails, or has anything to say */
  async delete(id: string): Promise<DeleteResponse> {
    const bundle = bundleOf(id);
    const result = await this.run([...flags(id), "-bundle", bundle, "delete"], { cwd: bundle });
    requireSuccess("delete", id, result);
    if (result.stderr !== "") throw new Error(`delete of "${id}" says: ${result.stderr}`);
    return DeleteResponse.decode(result.stdout);
  }

  /** Calls the task service of a shim. An error of the shim's is an outcome, too. */
  async call(address: string, name: keyof TaskMethods, request: object): Promise<StepOutcome> {
    const method = Task.methods[name] as MethodDescriptor<object, object>;
    try {
      const payload = method.input.encode(method.input.create(request));
      const client = await this.#client(address);
      const reply = await client.callRaw(Task.typeName, method.name, payload, { timeoutMs: CALL_MS });
      return { ok: true, response: replyJson(method.output.decode(reply)) };
    } catch (error) {
      if (!RpcError.is(error)) throw error;
      const code = Object.entries(Code).find(([, number]) => number === error.code)?.[0];
      return { error: { code: code ?? String(error.code), message: error.message } };
    }
  }

  /** Whoever serves the address, dialled once. */
  async #client(address: string): Promise<Client> {
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const stream = await this.#machine.relay.dial(address);
    for (const end of ["end", "close"]) stream.once(end, () => this.#hungUp.add(address));
    const client = new Client(stream);
    this.#clients.set(address, client);
    return client;
  }

  isServed(address: string): Promise<boolean> {
    return this.#machine.relay.isServed(address);
  }

  /** Waits until nobody serves the address any more. Who dials a pipe that is going away waits for it: its server hangs up first. */
  async untilGone(address: string): Promise<void> {
    if (this.#clients.has(address))
      await until("the shim to hang up", () => this.#hungUp.has(address), { timeoutMs: END_MS });
    await until("the shim to end", async () => !(await this.isServed(address)), { timeoutMs: END_MS });
    await this.#clients.get(address)?.close();
    // Another may come to be served there.
    this.#clients.delete(address);
    this.#hungUp.delete(address);
  }

  /** Ends the process that a bundle names. */
  async kill(id: string): Promise<void> {
    await this.#machine.relay.kill(this.pidOf(id));
  }

  pidOf(id: string): number {
    return Number(this.#machine.read(`${bundleOf(id)}\\shim.pid`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
    await this.#events.close();
  }
}

export function bundleOf(id: string): string {
  return `C:\\bundles\\${id}`;
}

/** Where the shim of a pod, or of a task of its own, is served. */
export function addressOf(group: string): string {
  return shimAddress({ namespace: NAMESPACE, group, containerd: ADDRESS }, "win32").path;
}

/** What containerd gives to a `start`. */
export function startArguments(id: string): string[] {
  return [...flags(id), "start"];
}

/** The flags that containerd gives. */
function flags(id: string): string[] {
  return [
    ...["-namespace", NAMESPACE, "-address", ADDRESS],
    ...["-publish-binary", "C:\\ctd\\containerd.exe", "-id", id],
  ];
}

function requireSuccess(verb: string, id: string, { exitCode, stderr }: VerbResult): void {
  if (exitCode !== 0) throw new Error(`${verb} of "${id}" ended with ${exitCode}: ${stderr}`);
}
