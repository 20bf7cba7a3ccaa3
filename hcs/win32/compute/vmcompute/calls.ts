/** Calls of vmcompute.dll, with what all of them have: a lane, and a result document. */
import { abortable } from "../../../abortable.ts";
import { Lane } from "../../ffi/lane.ts";
import { VMCOMPUTE } from "../../ffi/libraries/vmcompute.ts";
import { Library } from "../../ffi/library.ts";
import { takeText } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import { out, type Handle, type Out } from "../../ffi/types.ts";
import type { NativeCall } from "../native.ts";

/**
 * Most functions of this DLL ask the service and return with its answer. Two at a time: a service that hangs leaves half of the pool to
 * the file system.
 */
export const vmcompute: Library<typeof VMCOMPUTE> = new Library(VMCOMPUTE, new Lane("vmcompute", 2));

/** Unregistering waits for callbacks that are running, and those run on the event loop. */
export const closing: Library<typeof VMCOMPUTE> = new Library(VMCOMPUTE, new Lane("vmcompute closing", 1));

/**
 * Makes one call that has a result document.
 *
 * @param invoke gets the place for the document
 * @param release undoes what the call did when its caller has given up meanwhile
 * @returns its HRESULT, a success: 0, or that it is pending
 * @throws {HcsError} when it failed, with what the document says; the signal's reason
 */
export function callService(
  invoke: (result: Out<Handle>) => Promise<number>,
  call: NativeCall,
  release?: () => void,
): Promise<number> {
  const result = out();
  const answered = invoke(result).then((hresult) => {
    const document = takeText(result[0]);
    if (!isPending(hresult)) requireSuccess(hresult, call.attempt, document);
    return hresult;
  });
  return abortable(answered, call.signal, release);
}

const HCS_E_OPERATION_PENDING = 0xc037_0103;

/** A notification will tell. The code looks like a failure. */
export function isPending(hresult: number): boolean {
  return hresult >>> 0 === HCS_E_OPERATION_PENDING;
}
