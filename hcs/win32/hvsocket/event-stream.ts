/** A socket that libuv does not take, as a stream: read and written when its event is set, never waiting. */
import { Duplex } from "node:stream";
import type { Attempt } from "../ffi/result.ts";
import { NativeEvent } from "../ffi/watch.ts";
import { WOULD_BLOCK, type RawSocket } from "./winsock.ts";

const CHUNK_BYTES = 64 * 1024;

type WriteDone = (error?: Error | null) => void;

export class EventStream extends Duplex {
  readonly #socket: RawSocket;
  readonly #attempt: Attempt;
  readonly #event: NativeEvent;
  #wanted = false;
  #writing: { bytes: Uint8Array; readonly done: WriteDone } | undefined;

  constructor(socket: RawSocket, attempt: Attempt) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#attempt = attempt;
    this.#event = new NativeEvent(() => this.#go());
    socket.select(this.#event, ["read", "write", "close"], attempt);
  }

  override _read(): void {
    this.#wanted = true;
    this.#receive();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    this.#writing = { bytes: chunk, done };
    this.#send();
  }

  override _final(done: WriteDone): void {
    try {
      this.#socket.endSending(this.#attempt);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#event.close();
    this.#socket.close();
    done(error);
  }

  #go(): void {
    if (this.destroyed) return;
    this.#receive();
    this.#send();
  }

  #receive(): void {
    while (this.#wanted && !this.destroyed) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const count = this.#attempted(() => this.#socket.receive(chunk, this.#attempt));
      if (count === undefined || count === WOULD_BLOCK) return;
      this.#wanted = this.push(count === 0 ? null : chunk.subarray(0, count));
    }
  }

  #send(): void {
    while (this.#writing !== undefined && !this.destroyed) {
      const { bytes, done } = this.#writing;
      const count = this.#attempted(() => this.#socket.send(bytes, this.#attempt));
      if (count === undefined || count === WOULD_BLOCK) return;
      if (count < bytes.length) {
        this.#writing.bytes = bytes.subarray(count);
        continue;
      }
      this.#writing = undefined;
      done();
    }
  }

  /** Undefined when it failed, which ends the stream. */
  #attempted<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.destroy(error as Error);
      return undefined;
    }
  }
}
