/** Limits of a container, the same for both operating systems, and what each one's section of the OCI spec makes of them. */
import type { JsonObject } from "../../../oci/json.ts";
import { ClientError } from "../errors.ts";

export interface Limits {
  /** `512M`, `1.5G`, `1GiB`, a number of bytes; `max` for none. Multiples are of 1024. */
  readonly memory?: string | number;
  /** Share of the processors among those who want them, 1 to 10000; 100 is what everybody has. */
  readonly cpuWeight?: number;
  /** Percent of all processors of the host, above 0 up to 100: a hard cap. */
  readonly cpuPercent?: number;
  /** Processors' worth of time, such as 1.5: a hard cap too. */
  readonly cpus?: number;
  /** Processes and threads. Linux only: HCS has no such limit. */
  readonly processes?: number;
}

/** What containerv gives every container that says nothing. */
export const CONTAINERV_LIMITS: Limits = { memory: "1G", cpuWeight: 100, processes: 256 };

const UNITS = ["", "K", "M", "G", "T"];
const SIZE = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i;
/** Length of a period of the processor's time, in µs. */
const PERIOD_US = 100_000;
/** Highest share that HCS knows: of 10000. */
const WHOLE = 10_000;
const MEBIBYTE = 1 << 20;

/**
 * @returns bytes; undefined for no limit
 * @throws {ClientError} InvalidArgument
 */
export function parseMemory(value: string | number, field = "limits.memory"): number | undefined {
  if (value === "max") return undefined;
  const [, amount, unit = ""] = SIZE.exec(String(value).trim()) ?? [];
  const bytes = Math.floor(Number(amount) * 1024 ** UNITS.indexOf(unit.toUpperCase()));
  if (amount !== undefined && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw refused(field, 'must be a size such as "512M", or "max"', value);
}

/** `linux.resources`. @param processors of the machine the container runs on */
export function linuxResources(limits: Limits, processors: number): JsonObject | undefined {
  const memory = limits.memory === undefined ? undefined : parseMemory(limits.memory);
  const quota = quotaUs(limits, processors);
  const weight = within(limits.cpuWeight, "limits.cpuWeight", 1, WHOLE, true);
  const processes = within(limits.processes, "limits.processes", 1, 0x7fff_ffff, true);
  const cpu = {
    // The formula of runc and systemd for cgroup v1 shares and v2 weights.
    ...(weight === undefined ? {} : { shares: Math.round(2 + ((weight - 1) * 262_142) / 9999) }),
    ...(quota === undefined ? {} : { quota, period: PERIOD_US }),
  };
  const resources = {
    ...(memory === undefined ? {} : { memory: { limit: memory } }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(processes === undefined ? {} : { pids: { limit: processes } }),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}

/** `windows.resources`. Processes cannot be limited there: the caller warns. */
export function windowsResources(limits: Limits, processors: number): JsonObject | undefined {
  const memory = limits.memory === undefined ? undefined : parseMemory(limits.memory);
  const percent = capPercent(limits, processors);
  const weight = within(limits.cpuWeight, "limits.cpuWeight", 1, WHOLE, true);
  const cpu =
    percent === undefined
      ? weight && { shares: weight }
      : { maximum: Math.min(WHOLE, Math.max(1, Math.round(percent * 100))) };
  const resources = {
    ...(memory === undefined ? {} : { memory: { limit: Math.max(MEBIBYTE, memory) } }),
    ...(cpu ? { cpu } : {}),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}

function quotaUs(limits: Limits, processors: number): number | undefined {
  const percent = capPercent(limits, processors);
  // The kernel takes no quota below a millisecond.
  return percent && Math.max(1000, Math.round((percent / 100) * processors * PERIOD_US));
}

/** Percent of all processors. */
function capPercent({ cpuPercent, cpus }: Limits, processors: number): number | undefined {
  if (cpuPercent !== undefined && cpus !== undefined)
    throw refused("limits.cpus", "must not be given together with cpuPercent: both are the same cap", cpus);
  if (cpus === undefined) return within(cpuPercent, "limits.cpuPercent", 0, 100, false);
  const wanted = within(cpus, "limits.cpus", 0, 1024, false) ?? 0;
  return Math.min(100, (wanted / processors) * 100);
}

/** @param whole whole numbers from `least` on; else any number above it */
function within(
  value: number | undefined,
  field: string,
  least: number,
  most: number,
  whole: boolean,
): number | undefined {
  if (value === undefined) return undefined;
  const fits = whole ? Number.isInteger(value) && value >= least : value > least;
  if (fits && value <= most) return value;
  const rule = whole
    ? `must be a whole number from ${least} to ${most}`
    : `must be above ${least} and at most ${most}`;
  throw refused(field, rule, value);
}

function refused(field: string, rule: string, value: unknown): ClientError {
  return new ClientError("InvalidArgument", `invalid ${field}: ${rule} (found ${JSON.stringify(value)})`, {
    field,
    value,
  });
}
