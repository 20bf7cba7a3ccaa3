/** Every message type that this shim, containerd or a client of either puts into an Any. */
import * as cgroupsV1 from "./gen/cgroups-v1.ts";
import * as cgroupsV2 from "./gen/cgroups-v2.ts";
import { PodSandboxConfig } from "./gen/cri.ts";
import * as events from "./gen/events.ts";
import { Empty } from "./gen/google.ts";
import * as runc from "./gen/runc.ts";
import * as runhcs from "./gen/runhcs.ts";
import * as runtimeOptions from "./gen/runtime-options.ts";
import { Statistics } from "./gen/stats.ts";
import { Data, StreamInit, WindowUpdate } from "./gen/streaming.ts";
import { TypeRegistry } from "./registry.ts";

export const knownTypes: TypeRegistry = new TypeRegistry([
  events.TaskCreate,
  events.TaskStart,
  events.TaskDelete,
  events.TaskExit,
  events.TaskOOM,
  events.TaskExecAdded,
  events.TaskExecStarted,
  events.TaskPaused,
  events.TaskResumed,
  events.TaskCheckpointed,
  events.SandboxCreate,
  events.SandboxStart,
  events.SandboxExit,
  runhcs.Options,
  runhcs.ProcessDetails,
  runc.Options,
  runc.CheckpointOptions,
  runc.ProcessDetails,
  runtimeOptions.Options,
  PodSandboxConfig,
  Statistics,
  cgroupsV1.Metrics,
  cgroupsV2.Metrics,
  StreamInit,
  Data,
  WindowUpdate,
  Empty,
]);
