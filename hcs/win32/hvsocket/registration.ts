/**
 * An address of its own for a Windows container in a VM, kept by the HvSocket driver while a handle to its entry is open. Source:
 * hcsshim, internal/hvsocket.
 */
import type { HvSocketContainer } from "../../api.ts";
import { Lane } from "../ffi/lane.ts";
import { lastError, lastErrorFailure } from "../ffi/last-error.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_FILES } from "../ffi/libraries/kernel32-files.ts";
import { Library } from "../ffi/library.ts";
import { win32Failure } from "../ffi/result.ts";
import { Structure } from "../ffi/structure.ts";
import { out } from "../ffi/types.ts";

const lane = new Lane("hvsocket", 1);
const files = new Library(KERNEL32_FILES, lane);
const kernel32 = new Library(KERNEL32, lane);

const GENERIC_READ_WRITE = 0xc000_0000;
const CREATE_NEW = 1;
const FILE_ATTRIBUTE_NORMAL = 0x80;
const INVALID_HANDLE_VALUE = 0xffff_ffff_ffff_ffffn;
/** IOCTL_HVSOCKET_UPDATE_ADDRESS_INFO */
const UPDATE_ADDRESS_INFO = 0x21_c004;
/** VMADDRESSINFO_FLAG_PASSTHRU */
const PASS_THROUGH = 1;

/** @returns what closes the entry */
export function registerContainer({ vmId, systemId }: HvSocketContainer): () => void {
  const attempt = { operation: "register the Hyper-V socket address of container", target: systemId };
  const path = `\\\\.\\HvSocketSystem\\AddressInfo\\{${systemId}}`;
  const handle = files.call(
    "CreateFileW",
    path,
    GENERIC_READ_WRITE,
    0,
    null,
    CREATE_NEW,
    FILE_ATTRIBUTE_NORMAL,
    0,
  );
  if (BigInt(handle) === INVALID_HANDLE_VALUE) throw lastErrorFailure(attempt);
  // HVSOCKET_ADDRESS_INFO: GUID SystemId 0, GUID VirtualMachineId 16, GUID SiloId 32 (zeros: the VM's own), ULONG Flags 48.
  const info = new Structure(52).guid(0, systemId).guid(16, vmId).u32(48, PASS_THROUGH).bytes;
  const returned = out();
  if (
    files.call("DeviceIoControl", handle, UPDATE_ADDRESS_INFO, info, info.length, null, 0, returned, 0) === 0
  ) {
    const error = lastError();
    kernel32.call("CloseHandle", handle);
    throw win32Failure(error, attempt);
  }
  return () => void kernel32.call("CloseHandle", handle);
}
