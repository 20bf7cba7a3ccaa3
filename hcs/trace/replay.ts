/** A backend that answers out of a recording, and refuses whatever was not recorded. */
import type { Duplex } from "node:stream";
import type { HcsBackend } from "../api.ts";
import { createDeferred, type Deferred } from "../deferred.ts";
import { describeCall, describeLine, TraceDeviation } from "./deviation.ts";
import { isByHost, parseRecording, type HandleRecord, type TraceLine } from "./format.ts";
import { GuidBindings } from "./guids.ts";
import { callOptions, shapeOf, type CallShape } from "./port.ts";
import { ReplayStream, type HostStep } from "./replay-stream.ts";
import { Script } from "./script.ts";
import { decodeError, decodeValue, encodeValue } from "./values.ts";

export interface ReplayOptions {
  /**
   * Milliseconds. When the platform owes an answer and for this long the host does not do what it did before that
   * answer, it never will: the replay fails, naming it. 30 seconds unless said otherwise; `Infinity` waits for ever.
   */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;

/** Of what is missing at the end, so much is listed. */
const LISTED = 5;

/**
 * Replays one recording, once.
 *
 * The host may do things in another order than it did when it was recorded, as far as it does not depend on answers: an
 * answer comes after everything the host did before it then. GUIDs that the host draws may be others. Everything else
 * must be the same; what is not fails with a {@link TraceDeviation}, and from then on everything does, so that nothing
 * waits for ever.
 *
 * @example
 * const replay = new Replay(readFileSync("pod.jsonl", "utf8"));
 * const backend = replay.backend(); // to be used instead of the one that was recorded
 * await replay.finish(); // everything that was recorded has happened again
 */
export class Replay {
  readonly #script: Script;
  readonly #patienceMs: number;
  readonly #guids = new GuidBindings();
  readonly #backends: HcsBackend[] = [];
  /** `<handle> <method>` → where it is called and was not yet. */
  readonly #calls = new Map<string, number[]>();
  /** Call → where it was answered, or given up. */
  readonly #ends = new Map<number, number>();
  readonly #steps = new Map<string, HostStep[]>();
  readonly #handles = new WeakMap<object, string>();
  readonly #pending = new Map<number, Deferred<unknown>>();
  readonly #streams = new Map<string, ReplayStream>();
  /** `<handle> <name>` */
  readonly #promises = new Map<string, Deferred<unknown>>();
  readonly #listeners = new Map<string, (() => void)[]>();
  #failure: TraceDeviation | undefined;
  #watch: NodeJS.Timeout | undefined;

  /**
   * @param recording text of it
   * @throws when it cannot be read
   */
  constructor(recording: string, { patienceMs = PATIENCE_MS }: ReplayOptions = {}) {
    this.#patienceMs = patienceMs;
    const lines = parseRecording(recording);
    this.#script = new Script(lines, (line) => this.#play(line));
    for (const [index, line] of lines.entries()) this.#index(index, line);
  }

  /** The backends that were recorded, in the order in which their recording began. @throws when there are no more */
  backend(): HcsBackend {
    const next = this.#backends.shift();
    if (next === undefined)
      throw new Error("cannot replay another backend: the recording has no more of them");
    return next;
  }

  /** Waits for what is under way. @throws {TraceDeviation} when the host has done less than was recorded, or other */
  async finish(): Promise<void> {
    for (let before = -1; before !== this.#script.position || this.#script.isRunning;) {
      before = this.#script.position;
      await new Promise((resolve) => setImmediate(resolve));
    }
    clearTimeout(this.#watch);
    if (this.#failure !== undefined) throw this.#failure;
    const missing = this.#script.missing();
    if (missing.length > 0) throw new TraceDeviation(`the replay ended early, ${listed(missing)}`);
  }

  #index(index: number, line: TraceLine): void {
    if (line.kind === "backend") this.#backends.push(this.#build(line.result) as HcsBackend);
    if (line.kind === "answer" || line.kind === "abort") this.#ends.set(line.call, index);
    if (line.kind === "call") append(this.#calls, `${line.on} ${line.method}`, index);
    if (isByHost(line) && "stream" in line && line.stream !== undefined && line.kind !== "answer")
      append(this.#steps, line.stream, { index, line });
  }

  /** What the platform did, done again. */
  #play(line: TraceLine): void {
    this.#wait();
    switch (line.kind) {
      case "answer": {
        const call = this.#pending.get(line.call);
        if (call === undefined) return;
        this.#pending.delete(line.call);
        if (line.error !== undefined) call.reject(decodeError(this.#guids.translate(line.error)));
        else if (line.handle !== undefined) call.resolve(this.#build(this.#guids.translate(line.handle)));
        else if (line.stream !== undefined) call.resolve(this.#openStream(line.stream));
        else call.resolve(decodeValue(this.#guids.translate(line.value)));
        return;
      }
      case "settled": {
        const promise = this.#promises.get(`${line.on} ${line.name}`);
        if (line.error === undefined) promise?.resolve(decodeValue(this.#guids.translate(line.value)));
        else promise?.reject(decodeError(this.#guids.translate(line.error)));
        return;
      }
      case "told":
        for (const listener of this.#listeners.get(`${line.on} ${line.name}`) ?? []) listener();
        return;
      case "data":
      case "end":
        this.#streams.get(line.stream)?.play(line, undefined);
        return;
      case "destroy":
        this.#streams.get(line.stream)?.play(line, line.error && decodeError(line.error));
        return;
      case "backend":
      case "call":
      case "abort":
        return;
    }
  }

  #build(record: HandleRecord): object {
    const { handle, is, values, parts, streams, lacks } = record;
    const shape = shapeOf(is);
    const built: Record<string, unknown> = { ...(decodeValue(values) as object) };
    for (const [name, part] of Object.entries(parts)) built[name] = this.#build(part);
    if (shape.streams !== undefined)
      built[shape.streams] = Object.fromEntries(
        Object.entries(streams).map(([name, stream]) => [name, this.#openStream(stream)]),
      );
    if (shape.settles !== undefined) {
      const settled = createDeferred<unknown>();
      // Nobody has to listen.
      settled.promise.catch(() => undefined);
      this.#promises.set(`${handle} ${shape.settles}`, settled);
      built[shape.settles] = settled.promise;
    }
    for (const name of shape.listeners ?? [])
      built[name] = (listener: () => void) => append(this.#listeners, `${handle} ${name}`, listener);
    for (const [name, call] of Object.entries(shape.calls)) {
      if (lacks.includes(name)) continue;
      built[name] = (...args: unknown[]) => this.#call(handle, name, call, args);
    }
    this.#handles.set(built, handle);
    return built;
  }

  #openStream(id: string): Duplex {
    const stream = new ReplayStream({
      id,
      steps: this.#steps.get(id) ?? [],
      guids: this.#guids,
      receive: (index) => this.#receive(index),
      deviate: (message) => this.#fail(message),
    });
    this.#streams.set(id, stream);
    return stream;
  }

  async #call(on: string, method: string, shape: CallShape, args: readonly unknown[]): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    const given = args.slice(0, shape.arity);
    while (given.length > 0 && given.at(-1) === undefined) given.pop();
    const index = this.#match(
      on,
      method,
      given.map((argument) => encodeValue(argument, (object) => this.#handles.get(object))),
    );
    const line = this.#script.lines[index];
    if (line?.kind !== "call") throw new TypeError(`line ${index} is no call`);
    const { call } = line;
    const { signal } = callOptions(shape, args);
    const answer = createDeferred<unknown>();
    const abort = (): void => this.#abort(call, signal?.reason);
    this.#pending.set(call, answer);
    this.#receive(index);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    try {
      return await answer.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Finds the recorded call that is meant. @returns where it is */
  #match(on: string, method: string, args: readonly unknown[]): number {
    const candidates = this.#calls.get(`${on} ${method}`) ?? [];
    let nearest = "";
    for (const [position, index] of candidates.entries()) {
      const line = this.#script.lines[index];
      if (line?.kind !== "call") continue;
      const difference = this.#guids.difference(line.args, args);
      if (difference === undefined) {
        candidates.splice(position, 1);
        return index;
      }
      nearest ||= `; nearest is ${describeLine(line)}, which differs at ${difference}`;
    }
    throw this.#fail(`came: ${describeCall(on, method, args)}; ${listed(this.#script.missing())}${nearest}`);
  }

  #abort(call: number, reason: unknown): void {
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    this.#pending.delete(call);
    pending.reject(reason);
    const end = this.#ends.get(call);
    if (end !== undefined && this.#script.lines[end]?.kind === "abort") this.#receive(end);
  }

  #receive(index: number): void {
    this.#script.receive(index);
    this.#wait();
  }

  /** Begins to be impatient, from now. */
  #wait(): void {
    clearTimeout(this.#watch);
    if (this.#patienceMs === Infinity || this.#pending.size === 0 || this.#failure !== undefined) return;
    this.#watch = setTimeout(() => {
      if (this.#pending.size > 0 && !this.#script.isRunning)
        this.#fail(`nothing came for ${this.#patienceMs} ms; ${listed(this.#script.missing())}`);
    }, this.#patienceMs);
    // Who waits for nothing else has ended without the host doing its part.
    this.#watch.unref();
  }

  /** The replay is over: everybody who waits is told why. @returns the reason, always the first one */
  #fail(message: string): TraceDeviation {
    if (this.#failure !== undefined) return this.#failure;
    const failure = new TraceDeviation(`the host left the recording: ${message}`);
    this.#failure = failure;
    this.#script.stop();
    clearTimeout(this.#watch);
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
    for (const [key, promise] of this.#promises) {
      // The exit of a system never rejects; that of a process does when it cannot be known any more.
      if (key.startsWith("computeSystem"))
        promise.resolve({ status: 0, exitType: "ServiceDisconnected", reason: failure.message });
      else promise.reject(failure);
    }
    for (const stream of this.#streams.values()) stream.destroy();
    return failure;
  }
}

function listed(missing: readonly TraceLine[]): string {
  if (missing.length === 0) return "the recording has nothing more";
  const rest = missing.length - LISTED;
  const lines = missing.slice(0, LISTED).map(describeLine).join("; ");
  return `the recording goes on with ${lines}${rest > 0 ? `; and ${rest} more` : ""}`;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
