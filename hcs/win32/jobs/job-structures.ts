/**
 * What jobs are told and asked: structures by information class (jobapi2.h, winnt.h; those without a name there from hcsshim,
 * internal/winapi). All 64-bit layouts.
 */
import type {
  CpuRateControl,
  ExtendedLimit,
  GroupAffinity,
  IoRateControl,
  JobStatistics,
} from "../../port/jobs.ts";
import { arrayOf, Structure } from "../ffi/structure.ts";
import type { Handle } from "../ffi/types.ts";

/** JOBOBJECTINFOCLASS. */
export const CLASS = {
  basicAccounting: 1,
  processIds: 3,
  completionPort: 7,
  extendedLimit: 9,
  groupAffinities: 14,
  cpuRateControl: 15,
  memoryUsage: 28,
  createSilo: 35,
  ioAttribution: 42,
} as const;

/** JOBOBJECT_EXTENDED_LIMIT_INFORMATION: LimitFlags 16, Affinity 48, JobMemoryLimit 120. */
export function extendedLimit({ limitFlags, affinity, jobMemoryLimit }: ExtendedLimit): Buffer {
  return new Structure(144).u32(16, limitFlags).u64(48, affinity).u64(120, jobMemoryLimit).bytes;
}

/** JOBOBJECT_CPU_RATE_CONTROL_INFORMATION: ControlFlags 0, CpuRate or Weight 4. */
export function cpuRateControl({ controlFlags, value }: CpuRateControl): Buffer {
  return new Structure(8).u32(0, controlFlags).u32(4, value).bytes;
}

/** JOBOBJECT_IO_RATE_CONTROL_INFORMATION: MaxIops 0, MaxBandwidth 8, ReservationIops 16, VolumeName 24, BaseIoSize 32, ControlFlags 36. */
export function ioRateControl({ controlFlags, maxIops, maxBandwidth }: IoRateControl): Buffer {
  return new Structure(40).u64(0, maxIops).u64(8, maxBandwidth).u32(36, controlFlags).bytes;
}

/** GROUP_AFFINITY[]: Mask 0, Group 8. */
export function groupAffinities(affinities: readonly GroupAffinity[]): Buffer {
  return arrayOf(affinities.map(({ group, mask }) => new Structure(16).u64(0, mask).u16(8, group)));
}

/** JOBOBJECT_ASSOCIATE_COMPLETION_PORT: CompletionKey 0, CompletionPort 8. */
export function completionPort(key: number, port: Handle): Buffer {
  return new Structure(16).u64(0, key).u64(8, port).bytes;
}

/** JOBOBJECT_IO_ATTRIBUTION_CONTROL_ENABLE */
const ENABLE = 1;

/** JOBOBJECT_IO_ATTRIBUTION_INFORMATION: ControlFlags 0, ReadStats 8, WriteStats 40; of each: IoCount 0, TotalSize 24. */
export function ioAttribution(): Buffer {
  return new Structure(72).u32(0, ENABLE).bytes;
}

/** JOBOBJECT_BASIC_PROCESS_ID_LIST of so many: NumberOfAssignedProcesses 0, NumberOfProcessIdsInList 4, ProcessIdList 8. */
export function processIdList(room: number): Buffer {
  return Buffer.alloc(8 + 8 * room);
}

/** @returns undefined when the list had too little room for all */
export function readProcessIds(list: Buffer): number[] | undefined {
  const assigned = list.readUInt32LE(0);
  const listed = list.readUInt32LE(4);
  if (listed < assigned) return undefined;
  return Array.from({ length: listed }, (_, index) => Number(list.readBigUInt64LE(8 + 8 * index)));
}

/** Answers of the three classes that statistics are made of; those this Windows does not answer are left out. */
export interface StatisticsAnswers {
  /** JOBOBJECT_BASIC_ACCOUNTING_INFORMATION: TotalUserTime 0, TotalKernelTime 8. */
  readonly accounting: Buffer;
  /** JOBOBJECT_MEMORY_USAGE_INFORMATION: JobMemory 0, PeakJobMemoryUsed 8. */
  readonly memory: Buffer;
  /** As {@link ioAttribution}. */
  readonly io: Buffer;
}

export const STATISTICS_BYTES = { accounting: 48, memory: 16 } as const;

export function readStatistics({ accounting, memory, io }: StatisticsAnswers): JobStatistics {
  const number = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64LE(offset));
  return {
    totalUserTime100ns: number(accounting, 0),
    totalKernelTime100ns: number(accounting, 8),
    memoryBytes: number(memory, 0),
    peakMemoryBytes: number(memory, 8),
    readOperations: number(io, 8),
    readBytes: number(io, 8 + 24),
    writeOperations: number(io, 40),
    writeBytes: number(io, 40 + 24),
  };
}

/** JOB_OBJECT_MSG_*: what a job tells its completion port. */
export const MESSAGE = { processMemoryLimit: 9, jobMemoryLimit: 10 } as const;
