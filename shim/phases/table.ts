/**
 * Every wait of the shim belongs to one of these phases, and every phase has a budget. Nothing else sets a
 * timer: what runs out of time can be named, and changed by option `budgets.<phase>`.
 */

export interface Phase {
  /** Default budget in milliseconds. */
  readonly budgetMs: number;
  readonly description: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export type PhaseName =
  | "shim-start"
  | "keeper-start"
  | "leftovers"
  | "first-create"
  | "shutdown-flush"
  | "stdio-open"
  | "layers"
  | "mounts"
  | "vm-create"
  | "vm-boot"
  | "network"
  | "container-create"
  | "container-start"
  | "process-create"
  | "query"
  | "update"
  | "stacks"
  | "pause"
  | "signal"
  | "drain"
  | "oom-check"
  | "container-shutdown"
  | "job-shutdown"
  | "container-terminate"
  | "network-release"
  | "mounts-release"
  | "layers-release"
  | "workloads-stop"
  | "crash-notice"
  | "vm-close"
  | "teardown"
  | "container-delete";

export const PHASES: Readonly<Record<PhaseName, Phase>> = {
  // shim process
  "shim-start": {
    budgetMs: 30 * SECOND,
    description: "a new shim process comes to listen, where its socket cannot be handed over",
  },
  "keeper-start": {
    budgetMs: 10 * SECOND,
    description: "start waits for the node's keeper to boot, where pods share a process",
  },
  leftovers: {
    budgetMs: 5 * SECOND,
    description: "start releases what an earlier task of the same id has left, when its shim died",
  },
  "first-create": { budgetMs: MINUTE, description: "a new shim waits for its first Create before it exits" },
  "shutdown-flush": {
    budgetMs: 3 * SECOND,
    description: "delivering the last events and replies before the shim exits",
  },

  // create
  "stdio-open": {
    budgetMs: 30 * SECOND,
    description: "opening the client's end of stdin, stdout and stderr",
  },
  layers: { budgetMs: 4 * MINUTE, description: "mounting the root file system and sharing it with the VM" },
  mounts: { budgetMs: MINUTE, description: "sharing the mounts of a container with the VM" },
  "vm-create": { budgetMs: 4 * MINUTE, description: "creating the compute system of the VM" },
  "vm-boot": {
    budgetMs: 2 * MINUTE,
    description: "starting the VM until its guest is connected and has negotiated",
  },
  network: { budgetMs: MINUTE, description: "giving the pod's network to the VM" },
  "container-create": { budgetMs: 4 * MINUTE, description: "creating the container in the guest" },

  // start, exec and questions
  "container-start": { budgetMs: MINUTE, description: "starting the container in the guest" },
  "process-create": { budgetMs: MINUTE, description: "starting a process" },
  query: { budgetMs: 10 * SECOND, description: "asking for processes or statistics" },
  stacks: { budgetMs: 5 * SECOND, description: "asking a guest for its stacks, for people" },
  update: { budgetMs: 30 * SECOND, description: "changing limits" },
  pause: { budgetMs: 30 * SECOND, description: "pausing or resuming" },

  // kill and exit
  signal: { budgetMs: 10 * SECOND, description: "delivering a signal" },
  drain: { budgetMs: 2 * SECOND, description: "delivering the last output after a process has exited" },
  "oom-check": {
    budgetMs: 2 * SECOND,
    description: "asking whether a killed process was killed for lack of memory",
  },
  "container-shutdown": {
    budgetMs: 30 * SECOND,
    description: "the container ends after its init process has",
  },
  "job-shutdown": {
    budgetMs: 5 * SECOND,
    description: "the processes of a HostProcess container end after its init process has",
  },
  "container-terminate": { budgetMs: 30 * SECOND, description: "the container ends after it was terminated" },
  "network-release": { budgetMs: 30 * SECOND, description: "taking the pod's network out of the VM" },
  "mounts-release": { budgetMs: 30 * SECOND, description: "taking a container's mounts out of the VM" },
  "layers-release": { budgetMs: 30 * SECOND, description: "unmounting the root file system" },
  "workloads-stop": {
    budgetMs: 30 * SECOND,
    description: "the pod's containers end before their VM is closed",
  },
  "crash-notice": {
    budgetMs: SECOND,
    description: "telling the listener of notify.vm_crashed that a VM was lost, before its tasks end",
  },
  "vm-close": { budgetMs: 30 * SECOND, description: "terminating the VM until it is gone" },

  // delete
  teardown: {
    budgetMs: 30 * SECOND,
    description: "Delete waits for the release of everything the task holds",
  },
  "container-delete": { budgetMs: 10 * SECOND, description: "removing the container's state in the guest" },
};
