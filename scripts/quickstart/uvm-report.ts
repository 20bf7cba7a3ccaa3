/** What the utility VM of a pod was made of and where its time went, asked from `hcsctl` as a user would. */
import { join } from "node:path";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { mustRun } from "../../test/support/command.ts";
import type { Containerd } from "../../test/support/containerd.ts";
import { CRI_NAMESPACE } from "../../test/support/containerd.ts";
import { formatDuration, formatTable } from "../terminal/format.ts";

const HCSCTL = join(import.meta.dirname, "../../dist/bin/hcsctl");

/** One phase of a verb, as `hcsctl timeline --json` gives it. */
interface TimelineEntry {
  readonly task: string;
  readonly exec?: string;
  readonly verb: string;
  readonly phase: string;
  readonly durationMs: number;
  readonly failure?: string;
}

/** Lines that sum up the document of a pod's VM. */
export async function describeVm(containerd: Containerd, podId: string): Promise<string[]> {
  const text = await hcsctl(containerd, ["emulator", "inspect", podId]);
  const { runtimeId, document } = JSON.parse(text) as { runtimeId: string; document: ComputeSystemDocument };
  const vm = document.VirtualMachine;
  const topology = vm?.ComputeTopology;
  const kernel = vm?.Chipset?.LinuxKernelDirect;
  const devices = Object.entries(vm?.Devices ?? {}).map(([name, value]: [string, unknown]) => {
    const isMap = ["Scsi", "NetworkAdapters"].includes(name) && typeof value === "object" && value !== null;
    return isMap ? `${name} (${Object.keys(value).length})` : name;
  });
  const { Major = 0, Minor = 0 } = document.SchemaVersion ?? {};
  return formatTable([
    ["schema", `${Major}.${Minor}`],
    ["owner", document.Owner ?? ""],
    ["runtime id", runtimeId],
    [
      "memory",
      `${topology?.Memory?.SizeInMB ?? "?"} MB${topology?.Memory?.AllowOvercommit === true ? ", overcommitted" : ""}`,
    ],
    ["processors", String(topology?.Processor?.Count ?? "?")],
    ["kernel", kernel?.KernelFilePath ?? "none"],
    ["devices", devices.join(", ")],
    ["ends with", document.ShouldTerminateOnLastHandleClosed === true ? "its last handle" : "terminate only"],
  ]);
}

/**
 * Lines that say how long each phase took, in order.
 *
 * @param names what the ids of pod and containers are called
 */
export async function describeTimes(
  containerd: Containerd,
  podId: string,
  names: ReadonlyMap<string, string>,
): Promise<string[]> {
  const text = await hcsctl(containerd, [
    "timeline",
    podId,
    ...["--address", containerd.address],
    ...["--namespace", CRI_NAMESPACE],
    "--json",
  ]);
  const entries = JSON.parse(text) as TimelineEntry[];
  const rows = entries.map(({ task, exec, verb, phase, durationMs, failure }) => [
    `${names.get(task) ?? task.slice(0, 12)}${exec === undefined ? "" : " (exec)"}`,
    verb,
    phase,
    formatDuration(durationMs),
    failure ?? "",
  ]);
  return formatTable(rows, [3]);
}

async function hcsctl(containerd: Containerd, args: readonly string[]): Promise<string> {
  return mustRun(HCSCTL, args, { env: { RUNHCS_CONFIG: containerd.nodeFile } });
}
