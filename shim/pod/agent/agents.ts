/** The agents of one VM: which containers run one, and where each listens. */
import { join, posix, win32 } from "node:path";
import type { HvSocketServiceConfig } from "../../../hcs/schema/compute-system.ts";
import { vsockServiceId } from "../../../hcs/schema/hv-socket.ts";
import { agentContainer } from "../../../oci/agent-container.ts";
import type { BoundaryLevel } from "../../../oci/boundary/levels.ts";
import type { JsonObject } from "../../../oci/json.ts";
import { AGENT_PORT } from "../../agent/protocol/wire.ts";
import { ShimError } from "../../errors.ts";
import type { CreateRequest } from "../request.ts";
import type { Boundary } from "../vm/boundary.ts";
import { agentDisk, prepareAgent } from "./program.ts";

/** Where an agent is reached. */
export interface AgentAddress {
  readonly vmId: string;
  readonly serviceId: string;
  readonly port: number;
  /** Directory in the container for the files of jobs. */
  readonly staging: string;
  readonly os: "linux" | "windows";
}

/** What differs by the guest. */
interface GuestPlaces {
  readonly directory: string;
  readonly staging: string;
  readonly paths: typeof posix;
  /** On the host, from the directory of the shim's executable. */
  readonly program: readonly string[];
}

const PLACES: Readonly<Record<AgentAddress["os"], GuestPlaces>> = {
  linux: { directory: "/.hpcc", staging: "/run/hpcc", paths: posix, program: ["..", "libexec", "agent.cjs"] },
  windows: { directory: "C:\\.hpcc", staging: "C:\\hpcc", paths: win32, program: ["agent.exe"] },
};

/** Where the emulator's containers find their sockets. */
const EMULATED_SOCKETS = "/run/hv";
/** Tells the emulator so; a real guest does not know it. */
const EMULATED_SOCKETS_ANNOTATION = "io.containerd.runhcs.emulator.hv-sockets";

/** Nobody on the host may listen in the agent's place; SYSTEM and Administrators may connect to it. */
export const AGENT_ACCESS: HvSocketServiceConfig = {
  BindSecurityDescriptor: "D:P(D;;FA;;;WD)",
  ConnectSecurityDescriptor: "D:P(A;;FA;;;SY)(A;;FA;;;BA)",
  AllowWildcardBinds: false,
};

export interface AgentsInit {
  readonly vmId: string;
  readonly os: AgentAddress["os"];
  readonly level: BoundaryLevel;
  /** Sockets of guests are files of theirs. */
  readonly isEmulated: boolean;
  /** Directory of the shim's executable, which the agent came with. */
  readonly programs: string;
}

export class VmAgents {
  readonly #init: AgentsInit;
  readonly #ports = new Map<string, number>();

  constructor(init: AgentsInit) {
    this.#init = init;
  }

  find(containerId: string): AgentAddress | undefined {
    const port = this.#ports.get(containerId);
    if (port === undefined) return undefined;
    const { vmId, os } = this.#init;
    return { vmId, serviceId: vsockServiceId(port), port, os, staging: PLACES[os].staging };
  }

  /** The request with the agent in it, where that is wanted; a sandbox that only holds a pod together needs none. */
  async equip(request: CreateRequest, boundary: Pick<Boundary, "allow">): Promise<CreateRequest> {
    const { enabled, directory: wanted, program: named, store } = request.options.agent;
    if (!enabled || request.identity.role === "sandbox") return request;
    const { os, level, isEmulated, programs } = this.#init;
    if (isEmulated && os === "windows")
      throw new ShimError(
        "HOST_UNFIT",
        "cannot put the agent into a Windows container of the emulator: Wine has no sockets that would reach it",
      );
    const { directory: usual, staging, paths, program: own } = PLACES[os];
    const program = prepareAgent(named || join(programs, ...own), store);
    boundary.allow(program.directory);
    const directory = wanted || usual;
    const port = this.#take(request.id);
    const listen = isEmulated ? `unix:${EMULATED_SOCKETS}/${vsockServiceId(port)}` : `${SCHEMES[os]}:${port}`;
    const spec = agentContainer(request.spec, {
      args: [
        ...program.command.map((word) => (word.startsWith("--") ? word : paths.join(directory, word))),
        ...["--listen", listen, "--staging", staging],
      ],
      mount:
        level === "strict"
          ? diskMount(os, directory, await agentDisk(program))
          : folderMount(os, directory, program.directory),
      ...(os === "linux" ? { staging } : {}),
      ...(isEmulated ? { annotations: { [EMULATED_SOCKETS_ANNOTATION]: EMULATED_SOCKETS } } : {}),
    });
    return { ...request, spec, terminal: false };
  }

  /** One after the other: a service is one container's, for as long as its VM lives. */
  #take(containerId: string): number {
    const port = AGENT_PORT + this.#ports.size;
    this.#ports.set(containerId, port);
    return port;
  }
}

const SCHEMES: Readonly<Record<AgentAddress["os"], string>> = { linux: "vsock", windows: "hyperv" };

function folderMount(os: AgentAddress["os"], destination: string, source: string): JsonObject {
  if (os === "windows") return { destination, source, options: ["ro"] };
  return { destination, type: "bind", source, options: ["rbind", "ro"] };
}

function diskMount(os: AgentAddress["os"], destination: string, source: string): JsonObject {
  return { destination, type: "virtual-disk", source, options: os === "windows" ? ["ro"] : ["bind", "ro"] };
}
