/** Records a backend: everything the host asks of it, and everything it does, in the order in which they happened. */
import type { Duplex } from "node:stream";
import type { HcsBackend, HvSocketAddress } from "../api.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../schema/hv-socket.ts";
import {
  TRACE_VERSION,
  type AnswerLine,
  type HandleRecord,
  type TraceHeader,
  type TraceLine,
} from "./format.ts";
import { callOptions, shapeOf, type CallShape, type InterfaceName, type PortInterfaces } from "./port.ts";
import { tapStream } from "./tap.ts";
import { encodeBytes, encodeError, encodeValue } from "./values.ts";

/** Where a recording goes, line by line. Must not throw: what fails is the sink's own affair. */
export interface TraceSink {
  write(line: TraceHeader | TraceLine): void;
}

/** Scales of time, so that tests can move them. */
export interface TraceClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds. */
  monotonic(): number;
}

const CLOCK: TraceClock = { now: () => Date.now(), monotonic: () => performance.now() };

type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>;
/** A line before it has its time. */
type Untimed<L> = L extends TraceLine ? Omit<L, "ms"> : never;

/**
 * What is written on these streams are random numbers: no replay could write them again, and nobody should read them.
 */
const RANDOM_SERVICES: ReadonlySet<string> = new Set([vsockServiceId(LINUX_GUEST_PORT.entropy)]);

/**
 * One recording of one backend, or of several on the same platform.
 *
 * @example
 * const recording = new Recording(openTraceFile("/var/log/runhcs/pod.jsonl"));
 * const backend = recording.of(createEmulator(options)); // to be used instead of the emulator
 */
export class Recording {
  readonly #sink: TraceSink;
  readonly #clock: TraceClock;
  readonly #begun: number;
  /** Recorded objects → their ids and what they stand for. */
  readonly #handles = new WeakMap<object, { readonly id: string; readonly original: object }>();
  #lastHandle = 0;
  #lastCall = 0;
  #lastStream = 0;

  constructor(sink: TraceSink, clock: TraceClock = CLOCK) {
    this.#sink = sink;
    this.#clock = clock;
    this.#begun = clock.monotonic();
    sink.write({ trace: TRACE_VERSION, recorded: new Date(clock.now()).toISOString() });
  }

  /** The same backend; what goes through it is recorded from now on. */
  of(backend: HcsBackend): HcsBackend {
    const [recorded, result] = this.#wrap("backend", backend, false);
    this.#write({ kind: "backend", result });
    return recorded;
  }

  #write(line: Untimed<TraceLine>): void {
    const ms = Math.round((this.#clock.monotonic() - this.#begun) * 1000) / 1000;
    this.#sink.write({ ms, ...line });
  }

  /** @param isRandom what is written on the streams that come of it are random numbers */
  #wrap<I extends InterfaceName>(
    is: I,
    original: PortInterfaces[I],
    isRandom: boolean,
  ): [PortInterfaces[I], HandleRecord] {
    const shape = shapeOf(is);
    const handle = `${is}-${++this.#lastHandle}`;
    const members = original as unknown as Readonly<Record<string, unknown>>;
    const recorded: Record<string, unknown> = {};
    const values: Record<string, unknown> = {};
    const parts: Record<string, HandleRecord> = {};
    const streams: Record<string, string> = {};
    for (const name of shape.values ?? []) {
      recorded[name] = members[name];
      values[name] = this.#encode(members[name]);
    }
    for (const [name, kind] of Object.entries(shape.parts ?? {})) {
      if (members[name] === undefined) continue;
      [recorded[name], parts[name]] = this.#wrap(kind, members[name] as never, false);
    }
    if (shape.streams !== undefined) {
      recorded[shape.streams] = members[shape.streams];
      for (const [name, stream] of Object.entries(members[shape.streams] as Record<string, Duplex>))
        streams[name] = this.#tap(stream, false, name === "stdin" ? "both" : "from-platform");
    }
    if (shape.settles !== undefined) {
      recorded[shape.settles] = members[shape.settles];
      this.#watch(handle, shape.settles, members[shape.settles] as Promise<unknown>);
    }
    for (const name of shape.listeners ?? [])
      recorded[name] = this.#listeners(handle, name, original as unknown as Methods);
    const calls = Object.entries(shape.calls);
    for (const [name, call] of calls) {
      if (members[name] === undefined) continue;
      recorded[name] = (...args: unknown[]) =>
        this.#call(handle, original as unknown as Methods, name, call, args, isRandom);
    }
    this.#handles.set(recorded, { id: handle, original: original });
    const lacks = calls.map(([name]) => name).filter((name) => members[name] === undefined);
    return [recorded as unknown as PortInterfaces[I], { handle, is, values, parts, streams, lacks }];
  }

  async #call(
    on: string,
    target: Methods,
    method: string,
    shape: CallShape,
    args: readonly unknown[],
    isRandom: boolean,
  ): Promise<unknown> {
    const call = ++this.#lastCall;
    const given = args.slice(0, shape.arity);
    while (given.length > 0 && given.at(-1) === undefined) given.pop();
    this.#write({ kind: "call", call, on, method, args: given.map((argument) => this.#encode(argument)) });
    try {
      const result = await target[method]?.(...args.map((argument) => this.#original(argument)));
      const random = isRandom || (method === "listen" && isRandomService(given[0]));
      const [answer, line] = this.#answer(shape, result, random);
      this.#write({ kind: "answer", call, ...line });
      return answer;
    } catch (error) {
      const { signal } = callOptions(shape, args);
      if (signal?.aborted === true && error === signal.reason) this.#write({ kind: "abort", call });
      else this.#write({ kind: "answer", call, error: encodeError(error) });
      throw error;
    }
  }

  #answer(
    { answer }: CallShape,
    result: unknown,
    isRandom: boolean,
  ): [unknown, Pick<AnswerLine, "value" | "handle" | "stream">] {
    if (answer === "stream") return [result, { stream: this.#tap(result as Duplex, isRandom) }];
    if (answer === "value") return [result, result === undefined ? {} : { value: this.#encode(result) }];
    const [recorded, handle] = this.#wrap(answer, result as never, isRandom);
    return [recorded, { handle }];
  }

  #tap(stream: Duplex, isRandom: boolean, direction?: "both" | "from-platform"): string {
    const id = `stream-${++this.#lastStream}`;
    const of = { stream: id };
    tapStream(
      stream,
      {
        data: (from, bytes) => {
          const content = isRandom && from === "host" ? { bytes: bytes.byteLength } : encodeBytes(bytes);
          this.#write({ kind: "data", ...of, from, ...content });
        },
        end: (from) => this.#write({ kind: "end", ...of, from }),
        destroy: (from, error) =>
          this.#write({ kind: "destroy", ...of, from, ...(error === undefined ? {} : { error }) }),
      },
      direction,
    );
    return id;
  }

  #watch(on: string, name: string, promise: Promise<unknown>): void {
    promise.then(
      (value) => this.#write({ kind: "settled", on, name, value: this.#encode(value) }),
      (error: unknown) => this.#write({ kind: "settled", on, name, error: encodeError(error) }),
    );
  }

  /** One listener of our own, from the beginning; those of the host are called after it was written down. */
  #listeners(on: string, name: string, target: Methods): (listener: () => void) => void {
    const listeners: (() => void)[] = [];
    target[name]?.(() => {
      this.#write({ kind: "told", on, name });
      for (const listener of listeners) listener();
    });
    return (listener) => void listeners.push(listener);
  }

  #encode(value: unknown): unknown {
    return encodeValue(value, (object) => this.#handles.get(object)?.id);
  }

  /** An argument as the platform knows it: handles are its own, at the top or in a member. */
  #original(argument: unknown): unknown {
    if (typeof argument !== "object" || argument === null) return argument;
    const known = this.#handles.get(argument);
    if (known !== undefined) return known.original;
    const members = Object.entries(argument as Readonly<Record<string, unknown>>);
    const isHandle = (member: unknown): member is object =>
      typeof member === "object" && member !== null && this.#handles.has(member);
    if (!members.some(([, member]) => isHandle(member))) return argument;
    return Object.fromEntries(
      members.map(([key, member]) => [key, isHandle(member) ? this.#handles.get(member)?.original : member]),
    );
  }
}

function isRandomService(address: unknown): boolean {
  return RANDOM_SERVICES.has((address as HvSocketAddress).serviceId);
}
