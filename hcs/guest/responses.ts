/** Reading what a guest sends: responses by message, and the container notification. */
import { parseJson } from "../json.ts";
import type { ProcessListEntry, SystemStatistics } from "../schema/properties.ts";
import type { GuestProperties, LinuxMetrics } from "./properties.ts";
import type {
  ContainerNotification,
  ErrorRecord,
  GuestCapabilities,
  MessageName,
  NotificationType,
  ResponseBody,
} from "./protocol.ts";
import { bits32, count, flag, list, members, object, text, uint32, type Read } from "./shape.ts";

const errorRecord: Read<ErrorRecord> = members({
  Result: bits32,
  Message: text,
  ModuleName: text,
});

const BASE = {
  Result: bits32,
  ErrorMessage: text,
  ErrorRecords: list(errorRecord),
} as const;

const capabilities: Read<GuestCapabilities> = members({
  SendHostCreateMessage: flag,
  SendHostStartMessage: flag,
  HvSocketConfigOnStartup: flag,
  SendLifecycleNotifications: flag,
  ModifyServiceSettingsSupported: flag,
  SupportedSchemaVersions: list(object({ Major: uint32 }, { Minor: uint32 })),
  RuntimeOsType: text,
  GuestDefinedCapabilities: members({
    NamespaceAddRequestSupported: flag,
    SignalProcessSupported: flag,
    DumpStacksSupported: flag,
    DeleteContainerStateSupported: flag,
    UpdateContainerSupported: flag,
    LogForwardingSupported: flag,
    HostProcessContainerSupported: flag,
  }),
});

const plain = members(BASE);

const RESPONSES: { readonly [Name in MessageName]: Read<ResponseBody<Name>> } = {
  Create: plain,
  Start: plain,
  ShutdownGraceful: plain,
  ShutdownForced: plain,
  ExecuteProcess: members({ ...BASE, ProcessId: uint32 }),
  WaitForProcess: members({ ...BASE, ExitCode: bits32 }),
  SignalProcess: plain,
  ResizeConsole: plain,
  GetProperties: members({ ...BASE, Properties: text }),
  ModifySettings: plain,
  NegotiateProtocol: members({ ...BASE, Version: uint32, Capabilities: capabilities }),
  DumpStacks: members({ ...BASE, GuestStacks: text }),
  DeleteContainerState: plain,
  UpdateContainer: plain,
  LifecycleNotification: plain,
  ModifyServiceSettings: plain,
};

/** Reads the body of a response to `message`. Throws `SyntaxError` or `ShapeError`. */
export function readResponse<Name extends MessageName>(message: Name, body: Buffer): ResponseBody<Name> {
  return RESPONSES[message](parseJson(body.toString("utf8")), "");
}

const notification = object({ ContainerId: text }, { Type: text, Operation: text, Result: bits32 });

const NOTIFICATION_TYPES: ReadonlySet<string> = new Set<NotificationType>([
  "None",
  "GracefulExit",
  "ForcedExit",
  "UnexpectedExit",
  "Reboot",
  "Constructed",
  "Started",
  "Paused",
]);

/** What the host uses of a notification; a `Type` outside the vocabulary reads as `Unknown`. */
export type ReadNotification = Pick<ContainerNotification, "ContainerId" | "Type">;

/** Reads the body of a container notification. Throws `SyntaxError` or `ShapeError`. */
export function readNotification(body: Buffer): ReadNotification {
  const { ContainerId, Type } = notification(parseJson(body.toString("utf8")), "");
  return { ContainerId, Type: isNotificationType(Type) ? Type : "Unknown" };
}

function isNotificationType(value: string | undefined): value is NotificationType {
  return value !== undefined && NOTIFICATION_TYPES.has(value);
}

const processListEntry: Read<ProcessListEntry> = object(
  { ProcessId: uint32 },
  {
    ImageName: text,
    CreateTimestamp: text,
    UserTime100ns: count,
    KernelTime100ns: count,
    MemoryCommitBytes: count,
    MemoryWorkingSetPrivateBytes: count,
    MemoryWorkingSetSharedBytes: count,
  },
);

const statistics: Read<SystemStatistics> = object(
  { Timestamp: text },
  {
    ContainerStartTime: text,
    Uptime100ns: count,
    Processor: members({ TotalRuntime100ns: count, RuntimeUser100ns: count, RuntimeKernel100ns: count }),
    Memory: members({
      MemoryUsageCommitBytes: count,
      MemoryUsageCommitPeakBytes: count,
      MemoryUsagePrivateWorkingSetBytes: count,
    }),
    Storage: members({
      ReadCountNormalized: count,
      ReadSizeBytes: count,
      WriteCountNormalized: count,
      WriteSizeBytes: count,
    }),
  },
);

const memoryEntry = members({ limit: count, usage: count, max: count, failcnt: count });

const linuxMetrics: Read<LinuxMetrics> = members({
  hugetlb: list(members({ usage: count, max: count, failcnt: count, pagesize: text })),
  pids: members({ current: count, limit: count }),
  cpu: members({
    usage: members({ total: count, kernel: count, user: count, per_cpu: list(count) }),
    throttling: members({ periods: count, throttled_periods: count, throttled_time: count }),
  }),
  memory: members({
    cache: count,
    rss: count,
    rss_huge: count,
    mapped_file: count,
    dirty: count,
    writeback: count,
    pg_pg_in: count,
    pg_pg_out: count,
    pg_fault: count,
    pg_maj_fault: count,
    inactive_anon: count,
    active_anon: count,
    inactive_file: count,
    active_file: count,
    unevictable: count,
    hierarchical_memory_limit: count,
    hierarchical_swap_limit: count,
    total_cache: count,
    total_rss: count,
    total_rss_huge: count,
    total_mapped_file: count,
    total_dirty: count,
    total_writeback: count,
    total_pg_pg_in: count,
    total_pg_pg_out: count,
    total_pg_fault: count,
    total_pg_maj_fault: count,
    total_inactive_anon: count,
    total_active_anon: count,
    total_inactive_file: count,
    total_active_file: count,
    total_unevictable: count,
    usage: memoryEntry,
    swap: memoryEntry,
    kernel: memoryEntry,
    kernel_tcp: memoryEntry,
  }),
  memory_oom_control: members({ oom_kill_disable: count, under_oom: count, oom_kill: count }),
});

const guestProperties: Read<GuestProperties> = members({
  ProcessList: list(processListEntry),
  Statistics: statistics,
  LCOWMetrics: linuxMetrics,
  SystemGUID: text,
});

/** Reads the `Properties` text of a GetProperties response. Throws `SyntaxError` or `ShapeError`. */
export function readGuestProperties(properties: string): GuestProperties {
  return guestProperties(parseJson(properties), "");
}
