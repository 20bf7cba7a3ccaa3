/** A console for one process, whose screen is a stream of ours (CreatePseudoConsole). */
import type { Socket } from "node:net";
import type { ConsoleSize } from "../../api.ts";
import { Lane } from "../ffi/lane.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import { requireSuccess } from "../ffi/result.ts";
import { out, type Handle } from "../ffi/types.ts";
import { createPipePair } from "../pipes/pair.ts";
import type { ThreadCalls } from "../threads/native-thread.ts";
import type { LaunchCalls } from "./launch-calls.ts";

const lane = new Lane("consoles", 1);
const kernel32 = new Library(KERNEL32, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

export const DEFAULT_CONSOLE_SIZE: ConsoleSize = { width: 80, height: 25 };

export class PseudoConsole {
  readonly handle: Handle;
  /** What the console reads. */
  readonly input: Socket;
  /** What it shows; ends when it is closed. */
  readonly output: Socket;
  readonly #calls: ThreadCalls<LaunchCalls>;
  #closed = false;

  /** @throws {HcsError} where this Windows has no pseudo consoles */
  constructor(size: ConsoleSize, calls: ThreadCalls<LaunchCalls>) {
    this.#calls = calls;
    const input = createPipePair("toProcess");
    const output = createPipePair("fromProcess");
    const console = out();
    try {
      const hresult = processes.call(
        "CreatePseudoConsole",
        coordinates(size),
        input.handle,
        output.handle,
        0,
        console,
      );
      requireSuccess(hresult, { operation: "create pseudo console" });
    } catch (error) {
      input.stream.destroy();
      output.stream.destroy();
      throw error;
    } finally {
      // The console has its own.
      kernel32.call("CloseHandle", input.handle);
      kernel32.call("CloseHandle", output.handle);
    }
    this.handle = console[0];
    this.input = input.stream;
    this.output = output.stream;
  }

  /** @returns an HRESULT */
  resize(size: ConsoleSize): number {
    return this.#closed ? 0 : processes.call("ResizePseudoConsole", this.handle, coordinates(size));
  }

  /** Ends whatever is attached to it still. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#calls.closePseudoConsole([this.handle]);
  }
}

/** COORD by value: X low, Y high. */
function coordinates({ width, height }: ConsoleSize): number {
  return ((height << 16) | width) >>> 0;
}
