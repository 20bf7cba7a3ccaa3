/**
 * The VM's first serial port: a unix socket in the place of the named pipe that its document names. A port forgets what
 * nobody reads; this one keeps the last of it for who comes late, because there is no telling when a client connects.
 */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { release, type, version } from "node:os";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import type { SerialPort } from "../guest/vm-process.ts";

/** Kept while nobody is connected, bytes. */
const SCROLLBACK = 64 * 1024;
/** Typed while nobody reads, bytes (N_TTY_BUF_SIZE). */
const TYPED_AHEAD = 4096;
/** A client that does not read does not make the VM's memory grow: it misses output from here on, bytes. */
const MOST_QUEUED = 1024 * 1024;

export class SerialConsole implements SerialPort {
  /** What the VM writes to the port. */
  readonly output: Writable;
  readonly #clients = new Set<Socket>();
  #scrollback = Buffer.alloc(0);
  #input: Writable | undefined;
  /** What was typed before anybody read it. */
  #typed = Buffer.alloc(0);

  private constructor(server: Server) {
    server.on("connection", (socket) => this.#serve(socket));
    this.output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#send(chunk);
        done();
      },
    });
  }

  /** Before the host's directories are out of sight. The host removes the socket. */
  static async listen(path: string): Promise<SerialConsole> {
    // The directory goes with the last socket in it: perhaps between these two calls.
    for (let attempt = 1; ; attempt += 1) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const server = createServer();
      try {
        server.listen(path);
        await once(server, "listening");
        return new SerialConsole(server);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === 3) throw error;
      }
    }
  }

  get input(): Writable | undefined {
    return this.#input;
  }

  /** Gets what clients type, and what they have typed before: as much as a terminal keeps. */
  set input(input: Writable | undefined) {
    this.#input = input;
    if (input === undefined || this.#typed.length === 0) return;
    input.write(this.#typed);
    this.#typed = Buffer.alloc(0);
  }

  /** Writes to `other` what is written to it, and to the port. */
  alongside(other: Writable): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.output.write(chunk);
        other.write(chunk, done);
      },
    });
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#clients.delete(socket));
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    if (this.#scrollback.length > 0) socket.write(this.#scrollback);
    this.#scrollback = Buffer.alloc(0);
  }

  #take(chunk: Buffer): void {
    if (this.#input !== undefined) this.#input.write(chunk);
    else this.#typed = Buffer.concat([this.#typed, chunk]).subarray(0, TYPED_AHEAD);
  }

  #send(chunk: Buffer): void {
    if (this.#clients.size === 0) {
      this.#scrollback = Buffer.concat([this.#scrollback, chunk]).subarray(-SCROLLBACK);
      return;
    }
    for (const client of this.#clients) if (client.writableLength <= MOST_QUEUED) client.write(chunk);
  }
}

/** Undefined for a system whose document has no serial port. */
export async function openSerialConsole(document: ComputeSystemDocument): Promise<SerialConsole | undefined> {
  const pipe = document.VirtualMachine?.Devices?.ComPorts?.["0"]?.NamedPipe;
  if (pipe === undefined) return undefined;
  const port = await SerialConsole.listen(pipe);
  // The emulated VM has no kernel of its own.
  port.output.write(`${type()} ${release()} (the kernel of the emulator's host), ${version()}\r\n`);
  return port;
}
