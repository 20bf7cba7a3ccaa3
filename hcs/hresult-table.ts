/**
 * Result codes by value. Data only: symbol as in the Windows SDK headers (computecore.h, winerror.h,
 * ntstatus.h), a sentence, and what a person can do about it where there is something.
 */

export interface HresultEntry {
  readonly symbol: string;
  readonly sentence: string;
  readonly hint?: string;
}

// One row per line, however long.
// prettier-ignore
const ROWS: readonly (readonly [number, string, string, string?])[] = [
  [0x0000_0000, "S_OK", "the operation succeeded"],
  [0x8000_4001, "E_NOTIMPL", "not implemented"],
  [0x8000_4004, "E_ABORT", "the operation was aborted"],
  [0x8000_4005, "E_FAIL", "unspecified failure"],
  [0x8000_ffff, "E_UNEXPECTED", "catastrophic failure"],
  [0x8007_0001, "ERROR_INVALID_FUNCTION", "incorrect function"],
  [0x8007_0002, "ERROR_FILE_NOT_FOUND", "the system cannot find the file specified"],
  [0x8007_0003, "ERROR_PATH_NOT_FOUND", "the system cannot find the path specified"],
  [0x8007_0005, "ERROR_ACCESS_DENIED", "access is denied", "the shim must run as an administrator (root on the emulator)"],
  [0x8007_0006, "ERROR_INVALID_HANDLE", "the handle is invalid"],
  [0x8007_000d, "ERROR_INVALID_DATA", "the data is invalid"],
  [0x8007_000e, "E_OUTOFMEMORY", "not enough memory"],
  [0x8007_0020, "ERROR_SHARING_VIOLATION", "the file is in use by another process"],
  [0x8007_0032, "ERROR_NOT_SUPPORTED", "the request is not supported"],
  [0x8007_0057, "E_INVALIDARG", "a parameter is incorrect"],
  [0x8007_0070, "ERROR_DISK_FULL", "there is not enough space on the disk", "free space on the volume that holds the layers or the state directory"],
  [0x8007_007f, "ERROR_PROC_NOT_FOUND", "the procedure could not be found", "this Windows build is older than the function it was asked for"],
  [0x8007_00aa, "ERROR_BUSY", "the requested resource is in use"],
  [0x8007_00b7, "ERROR_ALREADY_EXISTS", "it already exists"],
  [0x8007_0490, "ERROR_NOT_FOUND", "element not found"],
  [0x8007_05aa, "ERROR_NO_SYSTEM_RESOURCES", "insufficient system resources"],
  [0x8007_05b4, "ERROR_TIMEOUT", "the operation timed out"],
  [0x8007_06ba, "RPC_S_SERVER_UNAVAILABLE", "the RPC server is unavailable", "is the Hyper-V Host Compute Service (vmcompute) running?"],
  [0x8007_274c, "WSAETIMEDOUT", "the connection attempt timed out"],
  [0x8007_274d, "WSAECONNREFUSED", "the connection was refused"],
  [0x8037_0100, "HCS_E_TERMINATED_DURING_START", "the compute system exited while it was starting", "look at the console or kernel log of the utility VM"],
  [0x8037_0101, "HCS_E_IMAGE_MISMATCH", "the container image does not fit the host's Windows build", "use an image of the host's build, or hypervisor isolation"],
  [0x8037_0102, "HCS_E_HYPERV_NOT_INSTALLED", "the hypervisor is not running", "install the Hyper-V feature, or enable nested virtualization for this machine"],
  [0x8037_0103, "HCS_E_OPERATION_PENDING", "the operation is pending; its result follows as a notification"],
  [0x8037_0105, "HCS_E_INVALID_STATE", "the compute system is in the wrong state for the operation"],
  [0x8037_0106, "HCS_E_UNEXPECTED_EXIT", "the compute system exited unexpectedly"],
  [0x8037_0107, "HCS_E_TERMINATED", "the compute system was terminated"],
  [0x8037_0108, "HCS_E_CONNECT_FAILED", "no connection to the guest could be made"],
  [0x8037_0109, "HCS_E_CONNECTION_TIMEOUT", "the guest did not answer in time"],
  [0x8037_010a, "HCS_E_CONNECTION_CLOSED", "the connection to the guest was closed"],
  [0x8037_010b, "HCS_E_UNKNOWN_MESSAGE", "the guest does not know the message"],
  [0x8037_010c, "HCS_E_UNSUPPORTED_PROTOCOL_VERSION", "the guest does not support the protocol version"],
  [0x8037_010d, "HCS_E_INVALID_JSON", "the JSON document is invalid", "an unknown member, a wrong type, or a schema version this build does not know"],
  [0x8037_010e, "HCS_E_SYSTEM_NOT_FOUND", "the compute system does not exist"],
  [0x8037_010f, "HCS_E_SYSTEM_ALREADY_EXISTS", "a compute system with this id already exists", "look for it with `hcsctl emulator ps`; a leftover goes with `hcsctl doctor --fix`"],
  [0x8037_0110, "HCS_E_SYSTEM_ALREADY_STOPPED", "the compute system has already stopped"],
  [0x8037_0111, "HCS_E_PROTOCOL_ERROR", "the guest violated the protocol"],
  [0x8037_0112, "HCS_E_INVALID_LAYER", "a container layer is invalid"],
  [0x8037_0113, "HCS_E_WINDOWS_INSIDER_REQUIRED", "this needs a Windows Insider build"],
  [0x8037_0114, "HCS_E_SERVICE_NOT_AVAILABLE", "a required feature is not installed", "install the Containers (and, for hypervisor isolation, Hyper-V) feature"],
  [0x8037_0115, "HCS_E_OPERATION_NOT_STARTED", "the operation has not been started"],
  [0x8037_0116, "HCS_E_OPERATION_ALREADY_STARTED", "the operation has already been started"],
  [0x8037_0117, "HCS_E_OPERATION_PENDING", "the operation is still running"],
  [0x8037_0118, "HCS_E_OPERATION_TIMEOUT", "the operation did not complete in time"],
  [0x8037_0119, "HCS_E_OPERATION_SYSTEM_CALLBACK_ALREADY_SET", "a callback has already been set on the compute system"],
  [0x8037_011a, "HCS_E_OPERATION_RESULT_ALLOCATION_FAILED", "the result could not be allocated"],
  [0x8037_011b, "HCS_E_ACCESS_DENIED", "access to the compute service is denied", "run as an administrator or a member of Hyper-V Administrators"],
  [0x8037_011c, "HCS_E_GUEST_CRITICAL_ERROR", "the guest reported a critical error"],
  [0x8037_011d, "HCS_E_PROCESS_INFO_NOT_AVAILABLE", "the process information is not available"],
  [0x8037_011e, "HCS_E_SERVICE_DISCONNECT", "the connection to the compute service was lost"],
  [0x8037_011f, "HCS_E_PROCESS_ALREADY_STOPPED", "the process has already stopped"],
  [0x8037_0120, "HCS_E_SYSTEM_NOT_CONFIGURED_FOR_OPERATION", "the compute system is not configured for the operation"],
  [0x8037_0121, "HCS_E_OPERATION_ALREADY_CANCELLED", "the operation has already been cancelled"],
];

/** Result codes by their unsigned value. */
export const HRESULTS: ReadonlyMap<number, HresultEntry> = new Map(
  ROWS.map(([code, symbol, sentence, hint]) => [
    code,
    hint === undefined ? { symbol, sentence } : { symbol, sentence, hint },
  ]),
);

/** Codes this project itself answers with, by the name it uses for them. */
export const HRESULT = {
  notImplemented: 0x8000_4001,
  aborted: 0x8000_4004,
  failed: 0x8000_4005,
  fileNotFound: 0x8007_0002,
  accessDenied: 0x8007_0005,
  notSupported: 0x8007_0032,
  invalidArgument: 0x8007_0057,
  alreadyExistsWin32: 0x8007_00b7,
  elementNotFound: 0x8007_0490,
  noSystemResources: 0x8007_05aa,
  terminatedDuringStart: 0x8037_0100,
  invalidState: 0x8037_0105,
  unexpectedExit: 0x8037_0106,
  terminated: 0x8037_0107,
  connectFailed: 0x8037_0108,
  connectionTimeout: 0x8037_0109,
  connectionClosed: 0x8037_010a,
  unknownMessage: 0x8037_010b,
  unsupportedProtocolVersion: 0x8037_010c,
  invalidJson: 0x8037_010d,
  systemNotFound: 0x8037_010e,
  systemAlreadyExists: 0x8037_010f,
  systemAlreadyStopped: 0x8037_0110,
  protocolError: 0x8037_0111,
  invalidLayer: 0x8037_0112,
  serviceNotAvailable: 0x8037_0114,
  operationTimeout: 0x8037_0118,
  serviceDisconnect: 0x8037_011e,
  processAlreadyStopped: 0x8037_011f,
} as const;
