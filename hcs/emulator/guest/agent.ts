/** The guest agent: what the VM of an emulated compute system does for its host. */
import type { NotificationType } from "../../guest/protocol.ts";
import { NULL_CONTAINER_ID, type ContainerNotification } from "../../guest/protocol.ts";
import { cgroupProcesses, cgroupHierarchies, type CgroupHierarchy } from "../cgroup/tree.ts";
import type { Container } from "./container.ts";
import { ContainerTable } from "./container-table.ts";
import { createContainer } from "./create-container.ts";
import { deleteContainer } from "./delete-container.ts";
import { GuestError, RESULT } from "./errors.ts";
import type { Log } from "./log.ts";
import { NetworkTable } from "./network.ts";
import { Reaper } from "./reaper.ts";
import { DOCUMENT, readText, type ProcessParameters, type StdioPorts } from "./requests.ts";
import { Runc } from "./runc.ts";
import { readMetrics } from "./statistics.ts";
import { dialStdio, requestedPorts, type Dial } from "./stdio-ports.ts";
import { startVmProcess, type VmProcess } from "./vm-process.ts";
import { waitForExit } from "./wait-for-exit.ts";
import type { GuestProperties } from "../../guest/properties.ts";

export interface AgentOptions {
  readonly dial: Dial;
  readonly log: Log;
  /** Absolute path of the cgroup below which containers get theirs. */
  readonly podsCgroup: string;
  readonly notify: (notification: ContainerNotification) => void;
  /** Ends the VM. */
  readonly powerOff: () => void;
}

/** Where runc keeps its state, and files that live as long as one of its invocations. */
const RUNC_ROOT = "/run/gcs/runc";
const RUNC_TEMPORARY = "/run/gcs/tmp";

export class Agent {
  readonly containers: ContainerTable = new ContainerTable();
  readonly networks: NetworkTable = new NetworkTable();
  readonly options: AgentOptions;
  readonly runc: Runc;
  readonly reaper: Reaper = new Reaper();
  readonly #hierarchies: readonly CgroupHierarchy[] = cgroupHierarchies();
  /** Processes of the VM itself, until their exit has been told. */
  readonly #vmProcesses = new Map<number, VmProcess>();

  constructor(options: AgentOptions) {
    this.options = options;
    this.runc = new Runc({ root: RUNC_ROOT, temporary: RUNC_TEMPORARY, reaper: this.reaper });
    this.reaper.start();
  }

  async create(
    id: string,
    activityId: string | undefined,
    containerConfig: string | undefined,
  ): Promise<void> {
    const config = readText(DOCUMENT.containerConfig, containerConfig, "ContainerConfig");
    await this.containers.add(id, () =>
      createContainer(
        { id, activityId, config },
        {
          runc: this.runc,
          containers: this.containers,
          networks: this.networks,
          hierarchies: this.#hierarchies,
          podsCgroup: this.options.podsCgroup,
          log: this.options.log,
          onExit: (container, type) => this.#notifyExit(container, type),
        },
      ),
    );
    this.options.log.info("container created", { container: id });
  }

  #notifyExit(container: Container, type: NotificationType): void {
    const { activityId } = container.about;
    this.options.notify({
      ContainerId: container.id,
      ...(activityId === undefined ? {} : { ActivityId: activityId }),
      Type: type,
      Operation: "None",
      Result: 0,
    });
  }

  /** Starts the init process of a container, an exec in it, or a process of the VM. Answers its pid. */
  async executeProcess(
    id: string,
    parameters: ProcessParameters,
    relay: StdioPorts | undefined,
  ): Promise<number> {
    const { dial } = this.options;
    const ports = requestedPorts(parameters, relay);
    if (id === NULL_CONTAINER_ID) {
      const process = await startVmProcess(parameters, await dialStdio(dial, ports), this.reaper);
      this.#vmProcesses.set(process.pid, process);
      return process.pid;
    }
    const container = this.containers.get(id);
    return parameters.OciProcess === undefined
      ? container.start({ dial, ports })
      : container.exec(parameters.OciProcess, { dial, ports });
  }

  /** Waits for a process of the VM. It is forgotten once its exit has been told. */
  async waitForVmProcess(pid: number, timeoutMs: number): Promise<number> {
    const process = this.#vmProcesses.get(pid);
    if (process === undefined) throw new GuestError(RESULT.elementNotFound, `the VM has no process ${pid}`);
    const status = await waitForExit(process.finished, timeoutMs, `process ${pid} of the VM`);
    if (this.#vmProcesses.get(pid) === process) this.#vmProcesses.delete(pid);
    return status;
  }

  properties(id: string, types: readonly string[]): GuestProperties {
    if (id === NULL_CONTAINER_ID) throw new GuestError(RESULT.failed, "the VM itself has no properties");
    const container = this.containers.get(id);
    return {
      ...(types.includes("ProcessList") ? { ProcessList: this.#processList(container) } : {}),
      ...(types.includes("Statistics")
        ? { LCOWMetrics: readMetrics(container.about.cgroup, this.#hierarchies) }
        : {}),
    };
  }

  #processList(container: Container): { ProcessId: number }[] {
    const pids = this.processesOf(container).sort((a, b) => a - b);
    return pids.map((ProcessId) => ({ ProcessId }));
  }

  /** Pids in the container's cgroup. 0 stands for a process that this pid namespace does not see. */
  processesOf(container: Container): number[] {
    return cgroupProcesses(container.about.cgroup, this.#hierarchies).filter((pid) => pid > 0);
  }

  /** The container is forgotten also when something of it could not be removed. */
  async deleteState(id: string): Promise<void> {
    const container = this.containers.get(id);
    this.containers.remove(container);
    await deleteContainer(container, { runc: this.runc, hierarchies: this.#hierarchies });
    this.options.log.info("container deleted", { container: id });
  }

  vmProcessIds(): number[] {
    return [...this.#vmProcesses.keys()];
  }
}
