/** A Hyper-V socket that listens. Connections are taken from the system as they come, and given to Node when somebody accepts them. */
import type { Duplex } from "node:stream";
import { AcceptQueue } from "../../accept-queue.ts";
import type { CallOptions, HvSocketAddress, HvSocketListener } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { keepProcess } from "../ffi/keep-alive.ts";
import type { Attempt } from "../ffi/result.ts";
import { NativeEvent } from "../ffi/watch.ts";
import { streamOf, type StreamKind } from "./adopt.ts";
import type { SocketFamily } from "./family.ts";
import { RawSocket } from "./winsock.ts";

export class Win32HvSocketListener implements HvSocketListener {
  readonly #attempt: Attempt;
  readonly #streams: StreamKind;
  readonly #socket: RawSocket;
  readonly #event: NativeEvent;
  readonly #unlist: () => void;
  readonly #onClosed: () => void;
  readonly #connections = new AcceptQueue<RawSocket>((socket) => socket.close());
  #letGo: () => void = () => undefined;
  #failure: Error | undefined;

  /** It keeps the process alive until it is closed. @throws {HcsError} when the address cannot be had */
  constructor(
    address: HvSocketAddress,
    family: SocketFamily,
    streams: StreamKind,
    attempt: Attempt,
    onClosed: () => void,
  ) {
    this.#attempt = {
      operation: "accept on",
      ...(attempt.target === undefined ? {} : { target: attempt.target }),
    };
    this.#streams = streams;
    this.#onClosed = onClosed;
    this.#socket = RawSocket.open(family, attempt);
    this.#event = new NativeEvent(() => this.#arrive());
    try {
      const bound = this.#socket.listen(family.listenAddress(address), attempt);
      this.#socket.select(this.#event, ["accept"], attempt);
      this.#unlist = family.listening(address, bound);
      this.#letGo = keepProcess();
    } catch (error) {
      this.#event.close();
      this.#socket.close();
      throw error;
    }
  }

  async accept({ signal }: CallOptions = {}): Promise<Duplex> {
    signal?.throwIfAborted();
    return streamOf(await this.#connections.next(signal), this.#attempt, this.#streams);
  }

  async close(): Promise<void> {
    this.#end(new HcsError({ ...this.#attempt, hresult: HRESULT.aborted, detail: "the listener is closed" }));
  }

  /** All that have come: the event is set once for several. */
  #arrive(): void {
    if (this.#failure !== undefined) return;
    try {
      for (let socket = this.#take(); socket !== undefined; socket = this.#take())
        this.#connections.deliver(socket);
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #take(): RawSocket | undefined {
    return this.#socket.accept(this.#attempt);
  }

  #end(failure: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#unlist();
    this.#letGo();
    this.#event.close();
    this.#socket.close();
    this.#connections.end(failure);
    this.#onClosed();
  }
}
