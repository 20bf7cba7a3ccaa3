/** One process of a Windows container: its request to the launcher, and what that reports (windows/programs/CExecSvc.c). */
import { closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { createDeferred } from "../../../deferred.ts";
import { describeHresult, hresultFromWin32 } from "../../../hresult.ts";
import { makeFifo } from "../../../posix/libc.ts";
import { GuestError } from "../errors.ts";

export interface LaunchRequest {
  readonly commandLine: string;
  readonly workingDirectory: string;
  /** Added to what every process has; an empty value removes a variable. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The file `request`. */
export function encodeRequest({ commandLine, workingDirectory, environment }: LaunchRequest): Buffer {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return Buffer.from(
    [commandLine, workingDirectory, ...variables].map((text) => `${text}\0`).join(""),
    "utf16le",
  );
}

/** The directory of one process in the exchange, and the reports that arrive there. */
export class LaunchReport {
  readonly directory: string;
  readonly #fifo: number;
  readonly #socket: Socket;
  readonly #started = createDeferred<number>();
  readonly #ended = createDeferred<void>();
  #exitCode: number | undefined;
  #rest = "";

  constructor(directory: string, request: LaunchRequest) {
    this.directory = directory;
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, "request"), encodeRequest(request), { mode: 0o600 });
    const path = join(directory, "report");
    makeFifo(path, 0o600);
    // Open for writing too: the end of the launcher must not be the end of the FIFO.
    this.#fifo = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd: this.#fifo, readable: true, writable: false });
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => this.#read(text));
    this.#started.promise.catch(() => undefined);
  }

  /** Windows pid of the process. Rejects when Windows does not start it, or the launcher ends without a word. */
  get started(): Promise<number> {
    return this.#started.promise;
  }

  /**
   * To be called when the launcher has ended.
   *
   * @returns the 32 bits of the exit code; undefined when the launcher was ended before it could tell
   */
  async finish(): Promise<number | undefined> {
    // What the launcher has written is before this in the FIFO.
    const writer = openSync(join(this.directory, "report"), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(writer, "gone\n");
    } finally {
      closeSync(writer);
    }
    await this.#ended.promise;
    this.#socket.destroy();
    rmSync(this.directory, { recursive: true, force: true });
    return this.#exitCode;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#hear(line);
  }

  #hear(line: string): void {
    const [word, number] = line.split(" ");
    if (word === "started") this.#started.resolve(Number(number));
    else if (word === "exited") this.#exitCode = Number(number);
    else if (word === "failed") this.#started.reject(windowsError(Number(number)));
    else if (word === "gone") {
      this.#started.reject(
        new GuestError(PROCESS_ABORTED, "the container ended while the process was started"),
      );
      this.#ended.resolve();
    }
  }
}

const ERROR_PROCESS_ABORTED = 1067;
const PROCESS_ABORTED = hresultFromWin32(ERROR_PROCESS_ABORTED);

function windowsError(code: number): GuestError {
  const hresult = hresultFromWin32(code);
  return new GuestError(hresult, describeHresult(hresult)?.sentence ?? `Windows error ${code}`);
}
