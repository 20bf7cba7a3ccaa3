/** Callbacks of computecore.dll for systems and processes: HCS_EVENT `{u32 Type; PCWSTR EventData; HCS_OPERATION Operation}`. */
import { CallbackTable } from "../../ffi/callback.ts";
import { isNull, readHandle, readText, readU32 } from "../../ffi/memory.ts";
import type { Handle } from "../../ffi/types.ts";

/** HCS_EVENT_TYPE, as far as it is listened to. */
export const EVENT_TYPE = {
  systemExited: 0x0000_0001,
  processExited: 0x0001_0000,
  serviceDisconnect: 0x0200_0000,
} as const;

/** HCS_EVENT_OPTIONS. None: operations have callbacks of their own, which the other options forbid. */
export const EVENT_OPTIONS_NONE = 0;

export interface HcsEvent {
  readonly type: number;
  readonly data: string | undefined;
}

/** HCS_EVENT_CALLBACK. The event is valid during the call only. */
export const events: CallbackTable<"void (handle event, handle context)"> = new CallbackTable({
  signature: "void (handle event, handle context)",
  context: 1,
});

/** Reads an event; only while its callback runs. */
export function readEvent(address: Handle): HcsEvent {
  const data = readHandle(address, 8);
  return { type: readU32(address), data: isNull(data) ? undefined : readText(data) };
}
