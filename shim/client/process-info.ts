/** Processes of a container as the platform lists them. */
import { unpackAny } from "../../protos/any.ts";
import { ProcessDetails as LinuxDetails } from "../../protos/gen/runc.ts";
import { ProcessDetails } from "../../protos/gen/runhcs.ts";
import type { TaskProcess } from "./engine.ts";

export interface ContainerProcessInfo {
  /** In the eyes of whoever runs it: of the guest for containers in a VM. */
  readonly pid: number;
  /** Which call started it: the container's id for its own, an exec's id; absent for the children of either. */
  readonly processId?: string;
  /** Windows: name of the program. */
  readonly command?: string;
  /** Windows: bytes, committed. */
  readonly memoryCommitBytes?: bigint;
  /** Windows: in units of 100 ns. */
  readonly kernelTime100ns?: bigint;
  readonly userTime100ns?: bigint;
}

export function processInfo({ pid, info }: TaskProcess): ContainerProcessInfo {
  const linux = info && unpackAny(info, LinuxDetails);
  const windows = linux?.windows ?? (info && unpackAny(info, ProcessDetails));
  if (windows !== undefined) {
    const { imageName, execId, memoryCommitBytes, kernelTime100Ns, userTime100Ns } = windows;
    return {
      pid,
      ...started(execId),
      command: imageName,
      memoryCommitBytes,
      kernelTime100ns: kernelTime100Ns,
      userTime100ns: userTime100Ns,
    };
  }
  return { pid, ...started(linux?.execId ?? "") };
}

function started(processId: string): { processId?: string } {
  return processId === "" ? {} : { processId };
}
