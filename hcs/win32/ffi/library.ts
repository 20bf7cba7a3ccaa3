/**
 * Opens the DLLs of a Windows host by their signature tables. Importing this loads the FFI package, so only code that is
 * chosen on Windows may import it. Nothing is loaded of a DLL before its first call.
 */
import koffi, { type LibraryHandle } from "koffi";
import { win32 } from "node:path";
import { HcsError } from "../../errors.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import type { Lane } from "./lane.ts";
import type { FunctionFacts, NativeLibrary } from "./table.ts";
import { C_TYPES, parseSignature, type ArgumentsOf, type ResultOf } from "./types.ts";
import { nameBuild } from "./windows-builds.ts";

type KoffiFunction = ReturnType<LibraryHandle["func"]>;

const ERROR_MOD_NOT_FOUND = 126;
const ERROR_PROC_NOT_FOUND = 127;

type NameIn<T extends NativeLibrary> = keyof T["functions"] & string;
type SignatureIn<T extends NativeLibrary, N extends NameIn<T>> = T["functions"][N];

export interface RunOptions {
  /** Gives up a call that has not begun; see {@link Lane.run}. */
  readonly signal?: AbortSignal | undefined;
}

/** A DLL, typed by its table. */
export class Library<T extends NativeLibrary> {
  readonly #table: T;
  readonly #lane: Lane;
  readonly #functions = new Map<string, BoundFunction>();
  #library: LibraryHandle | undefined;

  /** @param lane where {@link run} runs the functions of this DLL */
  constructor(table: T, lane: Lane) {
    this.#table = table;
    this.#lane = lane;
  }

  /** Whether this Windows has the function. */
  has(name: NameIn<T>): boolean {
    try {
      this.#bind(name);
      return true;
    } catch (error) {
      if (error instanceof HcsError) return false;
      throw error;
    }
  }

  /**
   * Calls a function on this thread. For functions that return at once: whatever blocks, blocks everything.
   *
   * @throws {HcsError} where this Windows does not have the function
   */
  call<N extends NameIn<T>>(name: N, ...args: ArgumentsOf<SignatureIn<T, N>>): ResultOf<SignatureIn<T, N>> {
    const bound = this.#bind(name);
    bound.check(args);
    return bound.invoke(...args) as ResultOf<SignatureIn<T, N>>;
  }

  /**
   * Calls a function on a thread of the pool, by way of the library's lane. The thread's last error is lost: functions that
   * report by it cannot be called like this.
   *
   * @throws {HcsError} where this Windows does not have the function
   * @throws the signal's reason when it fires before the function was entered
   */
  async run<N extends NameIn<T>>(
    name: N,
    args: ArgumentsOf<SignatureIn<T, N>>,
    options: RunOptions = {},
  ): Promise<ResultOf<SignatureIn<T, N>>> {
    const bound = this.#bind(name);
    bound.check(args);
    return this.#lane.run<ResultOf<SignatureIn<T, N>>>(
      `${this.#table.file}!${name}`,
      (done) => {
        bound.invoke.async(...args, (error: Error | null, result: ResultOf<SignatureIn<T, N>>) => {
          // The FFI package does not keep buffers alive while the callee uses them: this closure does.
          keepAlive(args);
          done(error, result);
        });
      },
      options.signal,
    );
  }

  #bind(name: NameIn<T>): BoundFunction {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    const signature = this.#table.functions[name];
    if (signature === undefined) throw new Error(`${name} is not in the table of ${this.#table.file}`);
    const bound = this.#resolve(name, signature);
    this.#functions.set(name, bound);
    return bound;
  }

  #resolve(name: string, signature: string): BoundFunction {
    const { result, parameters } = parseSignature(signature);
    const types = parameters.map(({ type }) => C_TYPES[type]);
    const library = this.#load();
    let invoke: KoffiFunction;
    try {
      invoke = library.func(name, C_TYPES[result], types);
    } catch (cause) {
      const { file, facts } = this.#table;
      throw this.#missing(
        `${file} has no function ${name}`,
        ERROR_PROC_NOT_FOUND,
        facts?.[name] ?? {},
        cause,
      );
    }
    const texts = parameters.flatMap(({ type, name: argument }, index) =>
      C_TYPES[type] === C_TYPES.text ? [{ argument, index }] : [],
    );
    return {
      invoke,
      check: (args) => {
        for (const { argument, index } of texts) refuseNul(args[index], `argument ${argument} of ${name}`);
      },
    };
  }

  #load(): LibraryHandle {
    if (this.#library !== undefined) return this.#library;
    const { file, isProgram } = this.#table;
    if (process.platform !== "win32")
      throw new TypeError(
        `cannot load ${file}: it is a library of Windows, and this is ${process.platform}; on Linux use the emulator`,
      );
    try {
      // By its full path: a library of the same name beside the program or in the working directory is not meant.
      const directory = win32.join(process.env["SystemRoot"] ?? "C:\\Windows", "System32");
      const path = isProgram === true ? process.execPath : win32.join(directory, file);
      this.#library = koffi.load(path);
      pin(path);
    } catch (cause) {
      throw this.#missing(`this Windows has no ${file}`, ERROR_MOD_NOT_FOUND, {}, cause);
    }
    return this.#library;
  }

  #missing(what: string, error: number, facts: FunctionFacts, cause: unknown): HcsError {
    const since = facts.since ?? this.#table.since;
    const feature = facts.feature ?? this.#table.feature;
    return new HcsError({
      operation: "use",
      target: this.#table.file,
      hresult: hresultFromWin32(error),
      detail: `${what}, which is needed for ${feature}: Windows has it since ${nameBuild(since)}`,
      cause,
    });
  }
}

interface BoundFunction {
  readonly invoke: KoffiFunction;
  /** @throws where an argument cannot be passed as it is */
  check(args: readonly unknown[]): void;
}

/** A NUL would silently end a text early. */
function refuseNul(value: unknown, what: string): void {
  if (typeof value !== "string" || !value.includes("\0")) return;
  throw new TypeError(
    `cannot pass ${what}: it holds a NUL at index ${value.indexOf("\0")}: ${JSON.stringify(value)}`,
  );
}

function keepAlive(_value: unknown): void {}

let getModuleHandleEx: KoffiFunction | undefined;

/**
 * Keeps a DLL for the life of the process. Without it a thread of ours that ends unloads what it alone has loaded, while threads of the
 * DLL's own still run in it.
 */
function pin(path: string): void {
  const GET_MODULE_HANDLE_EX_FLAG_PIN = 1;
  getModuleHandleEx ??= koffi
    .load("kernel32.dll")
    .func("GetModuleHandleExW", "int32_t", ["uint32_t", "str16", "_Out_ uintptr_t *"]);
  getModuleHandleEx(GET_MODULE_HANDLE_EX_FLAG_PIN, path, [0]);
}
