/** What a process is told of a pod it is to host: by its command line and environment, or by the keeper. */
import type { ShimFlags } from "../flags.ts";

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
