/** Access tokens. */
import type { Token } from "../../port/jobs.ts";
import { Lane } from "../ffi/lane.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { ADVAPI32 } from "../ffi/libraries/advapi32.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { Library } from "../ffi/library.ts";
import { out, type Handle } from "../ffi/types.ts";

const lane = new Lane("tokens", 1);
const advapi32 = new Library(ADVAPI32, lane);
const kernel32 = new Library(KERNEL32, lane);

const TOKEN_ALL_ACCESS = 0xf_01ff;

export class Win32Token implements Token {
  readonly #handle: Handle;
  #closed = false;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** That of this process. */
  static own(): Win32Token {
    const token = out();
    const process = kernel32.call("GetCurrentProcess");
    if (advapi32.call("OpenProcessToken", process, TOKEN_ALL_ACCESS, token) === 0)
      throw lastErrorFailure({ operation: "open the token of this process" });
    return new Win32Token(token[0]);
  }

  /** @throws when it has been closed */
  get handle(): Handle {
    if (!this.#closed) return this.#handle;
    throw new Error("cannot use a token: it is closed");
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    kernel32.call("CloseHandle", this.#handle);
  }
}

/** @throws for tokens of another backend */
export function handleOf(token: Token): Handle {
  if (token instanceof Win32Token) return token.handle;
  throw new TypeError("cannot use a token that this backend has not made");
}
