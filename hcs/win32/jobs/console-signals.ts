/**
 * Console events for a process that shares no console with us: a thread is started in it at the routine with which kernel32 handles
 * such events. kernel32 is at the same address in every process. Nothing documented delivers all of them.
 */
import type { ProcessSignal, SignalOutcome } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { Lane } from "../ffi/lane.ts";
import { lastError } from "../ffi/last-error.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import { win32Failure } from "../ffi/result.ts";
import { out, type Handle } from "../ffi/types.ts";

const lane = new Lane("signals", 1);
const kernel32 = new Library(KERNEL32, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

/** CTRL_*_EVENT (wincon.h). */
const EVENT: Readonly<Record<string, number>> = {
  CtrlC: 0,
  CtrlBreak: 1,
  CtrlClose: 2,
  CtrlLogOff: 5,
  CtrlShutdown: 6,
};

const PROCESS_ALL_ACCESS = 0x1f_ffff;
/** Of OpenProcess: there is no process with this id. */
const ERROR_INVALID_PARAMETER = 87;
/** In the place of the exit code of a process that runs. */
const STILL_ACTIVE = 259;

/** @throws {HcsError} for what is no console event, or when the process may not be signalled (any more) */
export function signalProcess(processId: number, signal: ProcessSignal): SignalOutcome {
  const attempt = { operation: `send ${signal} to process`, target: String(processId) };
  const event = EVENT[signal];
  if (event === undefined) {
    const detail = `it must be one of ${Object.keys(EVENT).join(", ")}`;
    throw new HcsError({ ...attempt, hresult: HRESULT.invalidArgument, detail });
  }
  const process = processes.call("OpenProcess", PROCESS_ALL_ACCESS, 0, processId);
  if (isNone(process)) {
    const error = lastError();
    if (error === ERROR_INVALID_PARAMETER) return "gone";
    throw win32Failure(error, attempt);
  }
  try {
    const thread = processes.call("CreateRemoteThread", process, null, 0, controlRoutine(), event, 0, null);
    if (isNone(thread)) {
      const error = lastError();
      // It is there as long as somebody has a handle to it.
      if (hasExited(process)) return "gone";
      throw win32Failure(error, attempt);
    }
    kernel32.call("CloseHandle", thread);
    return "delivered";
  } finally {
    kernel32.call("CloseHandle", process);
  }
}

function hasExited(process: Handle): boolean {
  const code = out();
  return processes.call("GetExitCodeProcess", process, code) !== 0 && Number(code[0]) !== STILL_ACTIVE;
}

function controlRoutine(): Handle {
  const module = processes.call("GetModuleHandleW", "kernel32.dll");
  const routine = processes.call("GetProcAddress", module, Buffer.from("CtrlRoutine\0", "latin1"));
  if (isNone(routine)) throw win32Failure(lastError(), { operation: "find", target: "CtrlRoutine" });
  return routine;
}

function isNone(handle: Handle): boolean {
  return BigInt(handle) === 0n;
}
