/** The stdio of one process: a port and a listener per stream, opened before the guest is asked to dial. */
import type { CallOptions, HvSocketListener, ProcessStdio, StdioPorts } from "../api.ts";
import { vsockServiceId } from "../schema/hv-socket.ts";
import type { ProcessParameters } from "../schema/process.ts";
import { acceptOne, closeListener, type Listen } from "./accept.ts";
import { report } from "./diagnostics.ts";
import type { ExecuteProcessSettings, StdioAddresses } from "./protocol.ts";
import { InputStream, OutputStream, type GuestStream } from "./streams.ts";

export type GuestOs = "linux" | "windows";

export interface GuestStdioOptions {
  readonly guest: string;
  readonly os: GuestOs;
  readonly listen: Listen;
  readonly takePort: () => number;
}

type ReopenOptions = Omit<GuestStdioOptions, "takePort">;

/** In the order in which ports are taken and the guest dials. */
const STREAMS = [
  { flag: "CreateStdInPipe", address: "StdIn", member: "stdin", create: () => new InputStream() },
  { flag: "CreateStdOutPipe", address: "StdOut", member: "stdout", create: () => new OutputStream() },
  { flag: "CreateStdErrPipe", address: "StdErr", member: "stderr", create: () => new OutputStream() },
] as const;

type StreamMember = (typeof STREAMS)[number]["member"];

interface Channel {
  readonly member: StreamMember;
  readonly address: keyof StdioAddresses<unknown>;
  readonly port: number;
  readonly listener: HvSocketListener;
  readonly stream: GuestStream;
  /** Set while nobody has dialled yet. */
  accepting: boolean;
}

export class GuestStdio {
  /** The streams that the parameters asked for. They can be used at once. */
  readonly streams: ProcessStdio;
  readonly #options: ReopenOptions;
  readonly #channels: readonly Channel[];

  private constructor(options: ReopenOptions, channels: readonly Channel[]) {
    this.#options = options;
    this.#channels = channels;
    this.streams = Object.fromEntries(channels.map((channel) => [channel.member, channel.stream]));
    for (const channel of channels) this.#accept(channel);
  }

  /** Listens for every stream that `parameters` asks for; on failure nothing stays open. */
  static open(
    parameters: ProcessParameters,
    options: GuestStdioOptions,
    call: CallOptions = {},
  ): Promise<GuestStdio> {
    return GuestStdio.#listen(
      ({ flag }) => (parameters[flag] === true ? options.takePort() : undefined),
      options,
      call,
    );
  }

  /** Listens at ports that an earlier process has listened at. */
  static reopen(ports: StdioPorts, options: ReopenOptions): Promise<GuestStdio> {
    return GuestStdio.#listen(({ member }) => ports[member], options, {});
  }

  static async #listen(
    portOf: (stream: (typeof STREAMS)[number]) => number | undefined,
    options: ReopenOptions,
    call: CallOptions,
  ): Promise<GuestStdio> {
    const channels: Channel[] = [];
    try {
      for (const stream of STREAMS) {
        const { address, member, create } = stream;
        const port = portOf(stream);
        if (port === undefined) continue;
        const listener = await options.listen(vsockServiceId(port), call);
        channels.push({ member, address, port, listener, stream: create(), accepting: true });
      }
      call.signal?.throwIfAborted();
    } catch (error) {
      await Promise.all(channels.map((channel) => closeListener(channel.listener, options.guest)));
      throw error;
    }
    return new GuestStdio(options, channels);
  }

  /** The port of each stream. */
  get ports(): StdioPorts {
    return Object.fromEntries(this.#channels.map(({ member, port }) => [member, port]));
  }

  /** Where the guest finds the streams, in the words of its system. */
  get relaySettings(): Pick<ExecuteProcessSettings, "VsockStdioRelaySettings" | "StdioRelaySettings"> {
    return this.#options.os === "linux"
      ? { VsockStdioRelaySettings: this.#addresses((port) => port) }
      : { StdioRelaySettings: this.#addresses(vsockServiceId) };
  }

  /**
   * Nobody reads or writes any more. Input ends; output is read into nothing until its end, because the guest
   * needs a reader as long as the process lives. Idempotent.
   */
  discard(): void {
    for (const { stream } of this.#channels) stream.destroy();
  }

  /** Lets go of every stream and listener; a guest that dials after this is refused. Idempotent. */
  async release(): Promise<void> {
    for (const { stream } of this.#channels) stream.release();
    const waiting = this.#channels.filter((channel) => channel.accepting);
    await Promise.all(waiting.map(({ listener }) => closeListener(listener, this.#options.guest)));
  }

  #addresses<Address>(of: (port: number) => Address): StdioAddresses<Address> {
    return Object.fromEntries(this.#channels.map(({ address, port }) => [address, of(port)]));
  }

  #accept(channel: Channel): void {
    const { guest } = this.#options;
    channel.stream.on("error", (error) => {
      // Whoever uses the stream sees the error too; this listener is here so that nobody has to.
      report({ guest, event: "background-failure", work: `${channel.member} of a process`, error });
    });
    acceptOne(channel.listener, { guest }).then(
      (source) => {
        channel.accepting = false;
        channel.stream.attach(source);
      },
      (error: unknown) => {
        channel.accepting = false;
        // Also how a released listener ends; its stream is destroyed by then and reports nothing.
        channel.stream.destroy(asError(error));
      },
    );
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
