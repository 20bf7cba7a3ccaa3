/** A pseudo terminal's master side as streams. */
import { closeSync, readSync } from "node:fs";
import { Socket, type OnReadOpts, type SocketConstructorOpts } from "node:net";
import { Readable, type Writable } from "node:stream";
import { duplicateOnto, setNonBlocking, setWindowSize, socketPair } from "../../posix/libc.ts";

const READ_BUFFER_BYTES = 64 * 1024;

export class Terminal {
  /** What is written on the terminal. Ends when the last process has closed it. */
  readonly output: Readable;
  /** What is typed into it. */
  readonly input: Writable;
  readonly #master: number;
  readonly #socket: Socket;
  #destroyed = false;

  /** Takes over the file descriptor `master`. */
  constructor(master: number) {
    this.#master = master;
    // libuv opens no terminals for asynchronous reading and writing unless they are its own. It is handed a
    // socket, and the terminal is put in the socket's place before the loop looks at the descriptor.
    const [socket, other] = socketPair();
    const output = new Readable({ read: () => this.#socket.resume() });
    const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    // Read straight into the consumer's hands: what a socket has buffered is lost when the read after it fails,
    // and a terminal announces its end by failing (EIO).
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      fd: socket,
      allowHalfOpen: true,
      onread: { buffer, callback: (length) => output.push(Buffer.from(buffer.subarray(0, length))) },
    };
    this.#socket = new Socket(options);
    duplicateOnto(master, socket);
    setNonBlocking(socket);
    closeSync(other);
    // libuv takes a hang-up for the end as soon as a read has not filled its buffer, and a terminal never fills it:
    // what is left in the terminal then is fetched here.
    this.#socket.on("end", () => {
      this.#drain(output, buffer);
      output.push(null);
    });
    for (const end of ["error", "close"]) this.#socket.on(end, () => output.push(null));
    output.on("close", () => this.#socket.destroy());
    this.output = output;
    this.input = this.#socket;
  }

  /** Reads what the terminal still holds after everybody has closed it: a few pages at most. */
  #drain(output: Readable, buffer: Buffer): void {
    try {
      for (;;) {
        const length = readSync(this.#master, buffer);
        if (length === 0) return;
        output.push(Buffer.from(buffer.subarray(0, length)));
      }
    } catch {
      // EIO is the real end. EAGAIN: somebody has opened the terminal anew, too late to be heard.
    }
  }

  /** Throws `SystemCallError`. */
  resize(size: { readonly height: number; readonly width: number }): void {
    setWindowSize(this.#master, size);
  }

  /** Hangs up. Idempotent. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#socket.destroy();
    this.output.destroy();
    closeSync(this.#master);
  }
}
