/** Flags and help of the verbs that reach into containers over their agents. */
import type { CommandContext, Flag } from "../command.ts";

export const BUNDLE_FLAG: Flag = {
  name: "bundle",
  type: "string",
  value: "DIR",
  description: "bundle of the task: names the shim of a container in a pod",
};

export const AGENT_EXEC_FLAGS: readonly Flag[] = [
  {
    name: "in",
    type: "string",
    value: "DIR",
    description: "directory whose files the program gets, as /src",
  },
  {
    name: "out",
    type: "string",
    multiple: true,
    value: "GLOB",
    description: "files below /out that come back when the program has ended",
  },
  { name: "to", type: "string", value: "DIR", default: ".", description: "where they go" },
  {
    name: "timeout",
    type: "string",
    value: "SECONDS",
    description: "with --in or --out: the program is ended after this time",
  },
  {
    name: "compiler",
    type: "string",
    value: "PROGRAM",
    description: "compare this compiler on the host with the container's first (option agent.parity)",
  },
  {
    name: "reproducible",
    type: "boolean",
    description: "add the flags that make a compiler's output independent of where it runs",
  },
  BUNDLE_FLAG,
];

export const AGENT_HELP = `With --in or --out the agent in the container runs the program (option agent.enabled): nothing is shared with the
container, files go over a Hyper-V socket and come back over it. In the command line /src is the directory of the input
files, /out the one whose files come back.`;

export const COPY_HELP = `One of SOURCE and TARGET is CONTAINER:PATH, the other is on this machine. TARGET is a directory, and is made if need be;
a directory is copied by what is in it. Every file is verified, and appears when it is complete. A copy whose connection
breaks goes on where it was. The container runs the agent (option agent.enabled).`;

export function needsAgent({ flags, lists }: CommandContext): boolean {
  return flags["in"] !== undefined || lists["out"] !== undefined;
}
