/**
 * What containerd writes to stdin of `start` and `-info`: nothing, the runtime options as a bare Any, or (2.3 and
 * later) BootstrapParams with the options among its extensions.
 */
import { fstatSync, readFileSync, type Stats } from "node:fs";
import { isatty } from "node:tty";
import { BootstrapParams } from "../../protos/gen/bootstrap.ts";
import { Any } from "../../protos/gen/google.ts";

export interface StartInput {
  readonly options: Any | undefined;
  /** `socket_dir`. */
  readonly socketDirectory: string | undefined;
  readonly debug: boolean;
}

/** Whether it is a device that is none of Linux's "mem" devices, such as /dev/null. */
function isOtherDevice(file: Stats): boolean {
  const MEM = 1;
  return file.isCharacterDevice() && file.rdev >> 8 !== MEM;
}

/** All of stdin; empty when it is a terminal, because a person who tries the command types nothing. */
export function readStdin(): Buffer {
  try {
    // Asking that loads a module: only where it may be one.
    if (isOtherDevice(fstatSync(0)) && isatty(0)) return Buffer.alloc(0);
    return readFileSync(0);
  } catch (error) {
    // No stdin at all (closed descriptor) is as good as an empty one; on Windows a closed pipe reads as EOF error.
    if (["EBADF", "EOF", "EAGAIN"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return Buffer.alloc(0);
    throw error;
  }
}

/** Both messages begin with a string; only BootstrapParams names the id and namespace that the flags name too. */
export function decodeStartInput(
  bytes: Uint8Array,
  flags: { readonly id: string; readonly namespace: string },
): StartInput {
  if (bytes.length === 0) return { options: undefined, socketDirectory: undefined, debug: false };
  const params = decodeBootstrapParams(bytes);
  if (params === undefined || params.instanceId !== flags.id || params.namespace !== flags.namespace) {
    return { options: decodeOptions(bytes), socketDirectory: undefined, debug: false };
  }
  const DEBUG = -4;
  return {
    options: params.extensions.map((extension) => extension.value).find((value) => value !== undefined),
    socketDirectory: params.socketDir || undefined,
    debug: params.logLevel <= DEBUG,
  };
}

function decodeOptions(bytes: Uint8Array): Any {
  try {
    return Any.decode(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot read the runtime options on standard input: ${why}`, { cause });
  }
}

function decodeBootstrapParams(bytes: Uint8Array): BootstrapParams | undefined {
  try {
    return BootstrapParams.decode(bytes);
  } catch {
    // Not that message, then; the caller decodes the other one and reports if it is neither.
    return undefined;
  }
}
