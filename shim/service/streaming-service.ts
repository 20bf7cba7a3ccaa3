/**
 * containerd's streaming service: it opens a stream for each stdio of a container before it creates the task, which
 * then names the stream by its id.
 */
import type { Readable, Writable } from "node:stream";
import { unpackAny } from "../../protos/any.ts";
import type { Any } from "../../protos/gen/google.ts";
import { StreamInit, Streaming } from "../../protos/gen/streaming.ts";
import { abortable } from "../clock.ts";
import { ShimError } from "../errors.ts";
import type { StreamResolver } from "../io/upstream.ts";
import type { Server } from "../ttrpc/index.ts";
import { toRpcError } from "./status.ts";
import { StreamChannel } from "./stream-channel.ts";

export class StreamRegistry implements StreamResolver {
  readonly #channels = new Map<string, StreamChannel>();
  readonly #waiters = new Map<string, ((channel: StreamChannel) => void)[]>();

  /** The channel of a stream that containerd opens, perhaps for the second time. */
  open(id: string): StreamChannel {
    let channel = this.#channels.get(id);
    if (channel === undefined || channel.isDone) {
      channel = new StreamChannel();
      this.#channels.set(id, channel);
    }
    for (const notify of this.#waiters.get(id) ?? []) notify(channel);
    this.#waiters.delete(id);
    return channel;
  }

  async reader(streamId: string, signal: AbortSignal): Promise<Readable> {
    return this.#release(streamId, (await this.#find(streamId, signal)).reader());
  }

  async writer(streamId: string, signal: AbortSignal): Promise<Writable> {
    return this.#release(streamId, (await this.#find(streamId, signal)).writer());
  }

  #find(id: string, signal: AbortSignal): Promise<StreamChannel> {
    const known = this.#channels.get(id);
    if (known !== undefined) return Promise.resolve(known);
    const opened = new Promise<StreamChannel>((resolve) => {
      this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), resolve]);
    });
    return abortable(opened, signal);
  }

  /** The channel is forgotten when its stream has ended. */
  #release<S extends Readable | Writable>(id: string, stream: S): S {
    const channel = this.#channels.get(id);
    stream.once("close", () => {
      if (this.#channels.get(id) === channel) this.#channels.delete(id);
    });
    return stream;
  }
}

export function registerStreamingService(server: Server, registry: StreamRegistry): void {
  server.register(Streaming, { Stream: (request) => serve(registry, request) });
}

async function* serve(registry: StreamRegistry, request: AsyncIterable<Any>): AsyncGenerator<Any> {
  const incoming = request[Symbol.asyncIterator]();
  const first = await incoming.next();
  const init = first.done === true ? undefined : unpackAny(first.value, StreamInit);
  if (init === undefined || init.id === "") {
    throw toRpcError(
      new ShimError(
        "REQUEST_INVALID",
        "cannot open a stream: its first message must be a StreamInit with an id",
      ),
    );
  }
  yield* registry.open(init.id).attach(incoming);
}
