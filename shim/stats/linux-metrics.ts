/**
 * Cgroup metrics as a guest reports them (JSON in the words of the kernel), as the message that containerd's Linux
 * consumers read (`io.containerd.cgroups.v1.Metrics`).
 */
import type { LinuxMetrics } from "../../hcs/guest/properties.ts";
import {
  CPUStat,
  CPUUsage,
  HugetlbStat,
  MemoryEntry,
  MemoryOomControl,
  MemoryStat,
  Metrics,
  PidsStat,
  Throttle,
} from "../../protos/gen/cgroups-v1.ts";
import type { MessageType } from "../../protos/types.ts";

/** The sections that the guest reported. */
export function linuxMetrics(metrics: LinuxMetrics): Metrics {
  const { cpu, memory, pids, memory_oom_control: oom } = metrics;
  return Metrics.create({
    hugetlb: (metrics.hugetlb ?? []).map((entry) => counters(HugetlbStat, entry)),
    ...(pids === undefined ? {} : { pids: counters(PidsStat, pids) }),
    ...(cpu === undefined ? {} : { cpu: cpuSection(cpu) }),
    ...(memory === undefined ? {} : { memory: memorySection(memory) }),
    ...(oom === undefined ? {} : { memoryOomControl: counters(MemoryOomControl, oom) }),
  });
}

/** Every section, also those a guest left out because they are all zero: containerd on Linux does not look twice. */
export function completeLinuxMetrics(metrics: LinuxMetrics): Metrics {
  return linuxMetrics({ pids: {}, cpu: {}, memory: {}, memory_oom_control: {}, ...metrics });
}

function cpuSection(cpu: NonNullable<LinuxMetrics["cpu"]>): CPUStat {
  return CPUStat.create({
    usage: counters(CPUUsage, cpu.usage),
    throttling: counters(Throttle, cpu.throttling),
  });
}

function memorySection(memory: NonNullable<LinuxMetrics["memory"]>): MemoryStat {
  return MemoryStat.create({
    ...counters(MemoryStat, withoutEntries(memory)),
    usage: counters(MemoryEntry, memory.usage),
    swap: counters(MemoryEntry, memory.swap),
    kernel: counters(MemoryEntry, memory.kernel),
    kernelTcp: counters(MemoryEntry, memory.kernel_tcp),
  });
}

function withoutEntries(memory: NonNullable<LinuxMetrics["memory"]>): object {
  const { usage: _usage, swap: _swap, kernel: _kernel, kernel_tcp: _tcp, ...plain } = memory;
  return plain;
}

/** The message whose fields are named like the members: `pg_maj_fault` is `pgMajFault`. Members it lacks are left out. */
function counters<T extends object>(type: MessageType<T>, source: object | undefined): T {
  const message = type.create();
  const fields: Record<string, unknown> = message as Record<string, unknown>;
  for (const [member, value] of Object.entries(source ?? {})) {
    const field = member.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
    if (field in message) fields[field] = wide(value);
  }
  return message;
}

function wide(value: unknown): unknown {
  if (typeof value === "number") return BigInt(Math.trunc(value));
  return Array.isArray(value) ? value.map(wide) : value;
}
