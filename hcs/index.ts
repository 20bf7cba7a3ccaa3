/**
 * `containerd-shim-runhcs/hcs`: the Host Compute Service as a library. The port and its documents, the guest connection,
 * and the emulator that implements the port on Linux.
 *
 * @example
 * const emulator = createEmulator({ workerEntry: { command: [process.execPath, "/usr/lib/runhcs/vm-worker.cjs"] } });
 * const system = await emulator.computeSystems.create("pod1@vm", document);
 */
export type * from "./api.ts";
export {
  describeHresult,
  formatHresult,
  hresultFromWin32,
  isAlreadyExists,
  isAlreadyStopped,
  isConnectionLost,
  isInvalidState,
  isNotFound,
  isNotSupported,
  isTimeout,
  splitHresult,
  type HresultParts,
} from "./hresult.ts";
export { HRESULT, HRESULTS, type HresultEntry } from "./hresult-table.ts";
export { HcsError, type HcsErrorEvent, type HcsErrorInit } from "./errors.ts";
export { LINUX_GUEST_PORT, VM_ID, vsockServiceId, WINDOWS_GUEST_SERVICE } from "./schema/hv-socket.ts";
export { parseJson, stringifyJson } from "./json.ts";
export type * from "./port/files.ts";
export * from "./port/jobs.ts";
export type * from "./port/layers.ts";
export type * from "./schema/compute-system.ts";
export type * from "./schema/hcn.ts";
export type * from "./schema/hns.ts";
export type * from "./schema/layers.ts";
export * from "./schema/modify.ts";
export type * from "./schema/process.ts";
export type * from "./schema/properties.ts";
export type * from "./schema/registry.ts";
export type * from "./schema/service.ts";
export type * from "./schema/time-zone.ts";
export * from "./guest/index.ts";
export { createEmulator, EMULATED_BUILD, type EmulatorOptions } from "./emulator/emulator.ts";
export { EMULATOR_CALLS, type EmulatorCall } from "./emulator/calls.ts";
export {
  FAULT_OPERATIONS,
  parseFaults,
  type FaultAction,
  type FaultOperation,
  type FaultRule,
} from "./emulator/faults.ts";
export { Recording, type TraceClock, type TraceSink } from "./trace/recorder.ts";
export { Replay, type ReplayOptions } from "./trace/replay.ts";
export { TraceDeviation } from "./trace/deviation.ts";
export { openTraceFile, TRACE_FAILURES, type TraceFailure, type TraceFile } from "./trace/file.ts";
export { formatLine, parseRecording, type TraceHeader, type TraceLine } from "./trace/format.ts";
export {
  findSystem,
  listSystems,
  reclaimOrphans,
  reclaimSystem,
  type SystemListing,
} from "./emulator/systems/reclaim.ts";
