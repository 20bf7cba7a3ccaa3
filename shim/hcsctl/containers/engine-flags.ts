/** Flags of every verb for containers: which engine is meant. */
import type { Flag } from "../command.ts";

export const ENGINES = ["auto", "containerd", "shim"] as const;

export const ENGINE_FLAGS: readonly Flag[] = [
  {
    name: "engine",
    type: "string",
    value: "KIND",
    description: `who runs containers: ${ENGINES.join(", ")} (default auto: containerd if it answers)`,
  },
  {
    name: "address",
    type: "string",
    value: "PATH",
    description: "containerd's socket (default $CONTAINERD_ADDRESS, or where containerd has it)",
  },
  {
    name: "namespace",
    short: "n",
    type: "string",
    value: "NS",
    description: "containerd namespace (default $CONTAINERD_NAMESPACE, or default)",
  },
];
