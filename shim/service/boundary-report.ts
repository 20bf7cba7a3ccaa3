/** What crosses the boundary of a pod's VM: for reviewers, and for `hcsctl boundary`. */
import { LINUX_GUEST_PORT, vsockServiceId, WINDOWS_GUEST_SERVICE } from "../../hcs/schema/hv-socket.ts";
import type { BoundaryLevel } from "../../oci/boundary/levels.ts";
import type { SharedPath } from "../../oci/boundary/rules.ts";
import type { Pod } from "../pod/pod.ts";

/** A byte stream between the VM and its host. */
export interface BoundaryChannel {
  readonly name: string;
  readonly serviceId: string;
  /** Who connects. */
  readonly direction: "guest to host" | "host to guest";
  /** What reads it on the host. */
  readonly parser: string;
}

export interface BoundaryReport {
  readonly pod: string;
  readonly isolation: "hyperv" | "process";
  /** Without a VM there is no boundary but the host's kernel. */
  readonly level?: BoundaryLevel;
  readonly vmId?: string;
  /** Kinds of devices in the document of the VM. */
  readonly devices: readonly string[];
  readonly shares: readonly SharedPath[];
  readonly disks: readonly { readonly path: string; readonly readOnly: boolean }[];
  readonly channels: readonly BoundaryChannel[];
}

const FRAMES = "guest protocol: length-prefixed frames of JSON";
const BYTES = "bytes, passed on as they are";
const LOG_LINES = "lines of JSON";

const CHANNELS: Readonly<Record<"linux" | "windows", readonly BoundaryChannel[]>> = {
  linux: [
    channel("guest connection", vsockServiceId(LINUX_GUEST_PORT.bridge), FRAMES),
    channel(
      "stdio of processes, one service each from here on",
      vsockServiceId(LINUX_GUEST_PORT.firstStdio),
      BYTES,
    ),
    channel("log of the guest", vsockServiceId(LINUX_GUEST_PORT.log), LOG_LINES),
    channel("entropy for the guest", vsockServiceId(LINUX_GUEST_PORT.entropy), "none: the host only writes"),
  ],
  windows: [
    channel("guest connection", WINDOWS_GUEST_SERVICE.bridge, FRAMES),
    channel("log of the guest", WINDOWS_GUEST_SERVICE.log, LOG_LINES),
  ],
};

function channel(name: string, serviceId: string, parser: string): BoundaryChannel {
  return { name, serviceId, direction: "guest to host", parser };
}

export function boundaryReport(pod: Pod): BoundaryReport {
  const { uvm } = pod;
  if (uvm === undefined)
    return { pod: pod.id, isolation: "process", devices: [], shares: [], disks: [], channels: [] };
  const { Devices = {}, Chipset = {} } = uvm.document.VirtualMachine ?? {};
  const os = "LinuxKernelDirect" in Chipset || Devices.VirtualPMem !== undefined ? "linux" : "windows";
  const agents = pod.tasks().flatMap((task): BoundaryChannel[] => {
    const agent = pod.agentOf(task.id);
    if (agent === undefined) return [];
    const parser = "gRPC, one method: hpcc.agent.v1.AgentService/Exec";
    return [
      { name: `agent of "${task.id}"`, serviceId: agent.serviceId, direction: "host to guest", parser },
    ];
  });
  return {
    pod: pod.id,
    isolation: "hyperv",
    level: uvm.boundary.level,
    vmId: uvm.runtimeId,
    devices: Object.keys(Devices),
    shares: uvm.boundary.shares,
    disks: uvm.boundary.disks,
    channels: [...CHANNELS[os], ...agents],
  };
}
