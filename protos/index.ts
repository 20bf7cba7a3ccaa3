/**
 * The wire contracts in one place, for tools and tests. Sources import the module they need instead: that keeps
 * what `start` and `delete` load small.
 */
export * from "./any.ts";
export * from "./known-types.ts";
export * from "./registry.ts";
export * from "./timestamp.ts";
export * from "./type-urls.ts";
export * from "./types.ts";
export * from "./wire.ts";

export * as agent from "./gen/agent.ts";
export * as bootstrap from "./gen/bootstrap.ts";
export * as cgroupsV1 from "./gen/cgroups-v1.ts";
export * as cgroupsV2 from "./gen/cgroups-v2.ts";
export * as containerdEvents from "./gen/containerd-events.ts";
export * as containerdVersion from "./gen/containerd-version.ts";
export * as containers from "./gen/containers.ts";
export * as content from "./gen/content.ts";
export * as cri from "./gen/cri.ts";
export * as diag from "./gen/diag.ts";
export * as diff from "./gen/diff.ts";
export * as events from "./gen/events.ts";
export * as extendedTask from "./gen/extended-task.ts";
export * as google from "./gen/google.ts";
export * as images from "./gen/images.ts";
export * as leases from "./gen/leases.ts";
export * as runc from "./gen/runc.ts";
export * as runhcs from "./gen/runhcs.ts";
export * as runtimeOptions from "./gen/runtime-options.ts";
export * as sandbox from "./gen/sandbox.ts";
export * as shimDiag from "./gen/shim-diag.ts";
export * as snapshots from "./gen/snapshots.ts";
export * as stats from "./gen/stats.ts";
export * as streaming from "./gen/streaming.ts";
export * as taskV2 from "./gen/task-v2.ts";
export * as taskV3 from "./gen/task-v3.ts";
export * as tasks from "./gen/tasks.ts";
export * as ttrpc from "./gen/ttrpc.ts";
export * as types from "./gen/types.ts";
