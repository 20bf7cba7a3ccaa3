/** What a process is told of a pod it is to host: by its command line and environment, or by the keeper. */
import type { Server } from "node:net";
import type { ShimFlags } from "../flags.ts";
import type { EarlyConnections } from "./early-connections.ts";
import type { SpareVms } from "./spare-vms.ts";

export interface PodOrder {
  readonly flags: ShimFlags;
  /** Where the pod is served: a path, on Windows the name of a pipe. */
  readonly socketPath: string;
  /** What containerd wrote to stdin of `start`: runtime options. */
  readonly startInput: Uint8Array;
  /** Environment of `start`, where containerd names its event socket and people the node file. */
  readonly environment: NodeJS.ProcessEnv;
  /** The pod shares the process with others: nothing that ends the process may be its own. */
  readonly isShared: boolean;
}

/** A pod for this very process, which was `start` until it had answered. */
export interface OwnPod {
  readonly order: PodOrder;
  /** Listens at the pod's socket. */
  readonly listener: Server;
  /** What has connected meanwhile. */
  readonly early: EarlyConnections;
  /** Booted while this process goes on to boot. */
  readonly spares?: SpareVms | undefined;
}
