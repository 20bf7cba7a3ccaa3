/**
 * The first serial port of a VM, where its kernel speaks before there is a guest agent to forward its log: written to a
 * file as it comes, and handed on line by line. Hyper-V serves the pipe of the port from when the VM starts, and takes
 * one client.
 */
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface ConsoleLogInit {
  /** Named pipe, or unix socket where pipes are such. */
  readonly pipe: string;
  /** Made, or gone on with. */
  readonly file: string;
  readonly onLine: (line: string) => void;
  readonly report: (message: string, error: unknown) => void;
}

/** When the file is larger it becomes `<file>.1`, in the place of an older one; bytes. */
const LARGEST_FILE = 8 * 1024 ** 2;
const LONGEST_LINE = 2000;
/** Between two attempts to reach a pipe that is not there yet, ms. */
const RETRY_MS = 50;

export class ConsoleLog {
  readonly #init: ConsoleLogInit;
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;
  #file: number;
  #size = 0;
  #line = "";

  /**
   * Begins to listen, as soon as there is something to listen to, until the VM ends.
   *
   * @throws when the file cannot be opened
   */
  constructor(init: ConsoleLogInit) {
    this.#init = init;
    this.#file = openSync(init.file, "a", 0o600);
    this.#done = this.#run();
  }

  /** What has come is in the file afterwards. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#stopped.abort();
    return this.#done;
  }

  async #run(): Promise<void> {
    try {
      const socket = await this.#connect();
      if (socket !== undefined) await this.#read(socket);
    } catch (error) {
      this.#init.report("the console of the VM is read no more", error);
    }
    if (this.#line !== "") this.#init.onLine(this.#line);
    closeSync(this.#file);
  }

  /** There is no telling when the pipe comes to be but trying. */
  async #connect(): Promise<Socket | undefined> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const socket = await dial(this.#init.pipe);
      if (socket !== undefined) return socket;
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  /** Until the VM's end closes the pipe, or the log is closed. */
  async #read(socket: Socket): Promise<void> {
    const stop = (): void => void socket.destroy();
    this.#stopped.signal.addEventListener("abort", stop);
    if (this.#stopped.signal.aborted) stop();
    try {
      for await (const chunk of socket) this.#take(chunk as Buffer);
    } catch (error) {
      // The pipe of a VM that is gone breaks rather than ends.
      if (!this.#stopped.signal.aborted && !isEnd(error)) throw error;
    } finally {
      this.#stopped.signal.removeEventListener("abort", stop);
    }
  }

  #take(chunk: Buffer): void {
    for (let written = 0; written < chunk.length;) written += writeSync(this.#file, chunk, written);
    this.#size += chunk.length;
    if (this.#size >= LARGEST_FILE) this.#rotate();
    const lines = (this.#line + chunk.toString("latin1")).split(/\r*\n/);
    this.#line = (lines.pop() ?? "").slice(-LONGEST_LINE);
    for (const line of lines) if (line.trim() !== "") this.#init.onLine(plain(line));
  }

  #rotate(): void {
    const { file } = this.#init;
    closeSync(this.#file);
    renameSync(file, `${file}.1`);
    this.#file = openSync(file, "a", 0o600);
    this.#size = 0;
  }
}

/** ECMA-48 control sequences, whose introducer no literal may have. */
const ESCAPE_SEQUENCE = new RegExp(String.raw`\u001b\[[0-9;?]*[ -/]*[@-~]`, "g");

/** What would move somebody's cursor is taken out: the line is from a guest, and is shown to people. */
function plain(line: string): string {
  return line
    .replace(ESCAPE_SEQUENCE, "")
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, LONGEST_LINE);
}

const ENDS: readonly (string | undefined)[] = ["ECONNRESET", "EPIPE", "EOF"];
const ABSENT: readonly (string | undefined)[] = ["ENOENT", "ECONNREFUSED"];

function isEnd(error: unknown): boolean {
  return ENDS.includes((error as NodeJS.ErrnoException).code);
}

/** Undefined when nobody serves the pipe (yet). */
function dial(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (ABSENT.includes(error.code)) resolve(undefined);
      else reject(error);
    });
  });
}
