/**
 * A container whose first process is the agent: the same spec with another program, the folder the program is in, and a
 * place for the files of its jobs. What the image would have run is what callers ask the agent to run.
 */
import { isObject, type JsonObject } from "./json.ts";
import { readSpec, type Spec } from "./spec.ts";

export interface AgentPlacement {
  /** Command line of the agent, as the container sees it. */
  readonly args: readonly string[];
  /** Brings the agent's folder into the container. */
  readonly mount: JsonObject;
  /** Linux: a file system of the VM's memory for the files of jobs. */
  readonly staging?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function agentContainer(spec: Spec, placement: AgentPlacement): Spec {
  const { document } = spec;
  const process = isObject(document["process"]) ? document["process"] : {};
  // What is mounted there already would hide the agent.
  const mounts = spec.mounts
    .map((mount) => mount.document)
    .filter(({ destination }) => destination !== placement.mount["destination"]);
  const { commandLine: _commandLine, ...rest } = process;
  return readSpec({
    ...document,
    annotations: { ...spec.annotations, ...placement.annotations },
    process: { ...rest, args: [...placement.args], terminal: false },
    mounts: [
      ...mounts,
      placement.mount,
      ...(placement.staging === undefined ? [] : [stagingMount(placement.staging)]),
    ],
  });
}

function stagingMount(destination: string): JsonObject {
  return { destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777"] };
}
