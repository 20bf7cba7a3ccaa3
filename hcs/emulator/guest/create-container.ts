/** Making a container: from the host's document to an init process that waits to be started. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { NotificationType } from "../../guest/protocol.ts";
import { stringifyJson } from "../../json.ts";
import { thaw } from "../cgroup/freezer.ts";
import { cgroupProcesses, removeCgroup, type CgroupHierarchy } from "../cgroup/tree.ts";
import { until, RELEASE_LIMIT_MS } from "../wait.ts";
import { ANNOTATION, isSet, kindOf, type ContainerKind } from "./annotations.ts";
import { Container, type ContainerInit } from "./container.ts";
import type { ContainerTable } from "./container-table.ts";
import { GuestError, RESULT } from "./errors.ts";
import { ownPath } from "./guest-path.ts";
import type { Log } from "./log.ts";
import type { Adapter, NetworkTable } from "./network.ts";
import { networkFiles } from "./network-files.ts";
import type { OciSpec } from "./oci.ts";
import { ALL_STREAMS, StdioPipes } from "./pipes.ts";
import { GuestProcess } from "./process.ts";
import type { Documents } from "./requests.ts";
import type { Launched, Runc } from "./runc.ts";
import {
  createSandboxDirectories,
  logDirectory,
  removeSandboxMounts,
  writeNetworkFiles,
  type Pod,
} from "./sandbox.ts";
import { prepareSpec } from "./spec.ts";
import { PipeStdio, TerminalStdio, type GuestStdio } from "./stdio.ts";
import { TeeLog } from "./tee-log.ts";

export interface CreateDependencies {
  readonly runc: Runc;
  readonly containers: ContainerTable;
  readonly networks: NetworkTable;
  readonly hierarchies: readonly CgroupHierarchy[];
  /** Absolute path of the cgroup below which containers get theirs. */
  readonly podsCgroup: string;
  readonly log: Log;
  readonly onExit: (container: Container, type: NotificationType) => void;
}

export interface CreateRequest {
  readonly id: string;
  readonly activityId: string | undefined;
  readonly config: Documents["containerConfig"];
}

/** What has been decided about a container before anything is made. */
interface Plan extends CreateRequest {
  readonly spec: OciSpec;
  readonly bundle: string;
  readonly scratch: string | undefined;
  readonly kind: ContainerKind;
  readonly pod: Pod;
  readonly cgroup: string;
  readonly adapters: readonly Adapter[];
  /** The namespace that this container takes; undefined for one that takes none. */
  readonly namespaceId: string | undefined;
}

/** The schema version that a document must at least have. */
const SCHEMA = { major: 2, minor: 1 };

/** Makes the container; nothing of it is left when that fails. */
export async function createContainer(
  request: CreateRequest,
  dependencies: CreateDependencies,
): Promise<Container> {
  const plan = planContainer(request, dependencies);
  mkdirSync(plan.bundle, { recursive: true, mode: 0o711 });
  try {
    return await makeContainer(plan, dependencies);
  } catch (error) {
    await undo(plan, dependencies);
    throw error;
  }
}

function planContainer(
  request: CreateRequest,
  { containers, networks, podsCgroup }: CreateDependencies,
): Plan {
  const { id, config } = request;
  const { Major: major = 0, Minor: minor = 0 } = config.SchemaVersion ?? {};
  if (major < SCHEMA.major || (major === SCHEMA.major && minor < SCHEMA.minor)) {
    throw new GuestError(RESULT.invalidJson, `invalid schema version ${major}.${minor}`);
  }
  const spec = config.OciSpecification;
  if (spec === undefined) throw new GuestError(RESULT.failed, `container "${id}" has no OCI specification`);
  const bundle = ownPath(config.OciBundlePath, "OciBundlePath");
  const scratch =
    config.ScratchDirPath === undefined ? undefined : ownPath(config.ScratchDirPath, "ScratchDirPath");
  const kind = kindOf(id, spec);
  const sandbox = kind.type === "workload" ? containers.find(kind.sandboxId) : undefined;
  if (kind.type === "workload" && sandbox === undefined) {
    throw new GuestError(
      RESULT.failed,
      `pod "${kind.sandboxId}" does not exist for workload container "${id}"`,
    );
  }
  const pod = sandbox?.pod ?? { id, root: bundle, hostNetwork: isSet(spec, ANNOTATION.hostNetwork) };
  const namespaceId = kind.type === "workload" ? undefined : namespaceOf(spec, kind, networks);
  const adapters = namespaceId === undefined ? [] : networks.adapters(namespaceId);
  const cgroup = `${podsCgroup}/${kind.sandboxId}/${id}`;
  return { ...request, spec, bundle, scratch, kind, pod, cgroup, adapters, namespaceId };
}

/** The namespace that the spec names, which must be free. A sandbox's must have been made by adding a NIC to it. */
function namespaceOf(spec: OciSpec, { type }: ContainerKind, networks: NetworkTable): string | undefined {
  const id = spec.windows?.network?.networkNamespace?.toLowerCase();
  if (id === undefined || id === "") return undefined;
  if (type === "standalone") networks.ensure(id);
  try {
    networks.requireFree(id);
  } catch (error) {
    const isUnknown = error instanceof GuestError && error.hresult === RESULT.elementNotFound;
    if (isUnknown && isSet(spec, ANNOTATION.skipPodNetworking)) return undefined;
    throw error;
  }
  return id;
}

async function makeContainer(plan: Plan, dependencies: CreateDependencies): Promise<Container> {
  const { id, kind, pod, bundle, cgroup, adapters, spec: original } = plan;
  if (kind.type !== "workload") {
    writeNetworkFiles(pod.root, networkFiles(nameOf(original), adapters));
    if (kind.type === "sandbox") createSandboxDirectories(pod.root);
  }
  const spec = prepareSpec(original, { id, type: kind.type, pod, cgroup, networkPath: adapters[0]?.path });
  writeFileSync(join(bundle, "config.json"), stringifyJson(spec), { mode: 0o600 });
  const teePath = original.annotations?.[ANNOTATION.teeLogPath];
  const tee = teePath === undefined ? undefined : new TeeLog(logDirectory(pod.root), teePath);
  try {
    const init = await launchInit(plan, spec, dependencies);
    if (plan.namespaceId !== undefined) dependencies.networks.assign(plan.namespaceId, id);
    return new Container(
      aboutContainer(plan, spec, init, tee, dependencies),
      dependencies.runc,
      dependencies.onExit,
    );
  } catch (error) {
    tee?.close();
    throw error;
  }
}

function nameOf(spec: OciSpec): string {
  return spec.hostname === undefined || spec.hostname === "" ? hostname() : spec.hostname;
}

function aboutContainer(
  { id, kind, pod, bundle, scratch, cgroup, activityId, spec: original }: Plan,
  spec: OciSpec,
  init: GuestProcess,
  tee: TeeLog | undefined,
  { hierarchies }: CreateDependencies,
): ContainerInit {
  const { uid = 0, gid = 0 } = spec.process?.user ?? {};
  const named = original.process?.user?.username ?? "";
  return {
    id,
    kind,
    pod,
    bundle,
    scratch,
    cgroup,
    activityId,
    rootPath: spec.root?.path ?? join(bundle, "rootfs"),
    user: named === "" || kind.type === "standalone" ? undefined : { uid, gid },
    rlimits: spec.process?.rlimits,
    init,
    tee,
    thaw: () => thaw(cgroup, hierarchies),
  };
}

/** `runc create`. Which streams init gets is not known yet, so it gets pipes for all of them, or a terminal. */
async function launchInit(
  { id, bundle, cgroup }: Plan,
  spec: OciSpec,
  { runc, hierarchies, log }: CreateDependencies,
): Promise<GuestProcess> {
  const ownsPids = spec.linux?.namespaces?.some(({ type, path }) => type === "pid" && !path) === true;
  // With a pid namespace of its own the kernel ends everything in the container together with init.
  const afterExit = ownsPids ? undefined : (): Promise<void> => killRest(id, cgroup, hierarchies, log);
  const processOf = ({ pid, exited }: Launched, stdio: GuestStdio): GuestProcess =>
    new GuestProcess({ pid, exited, stdio, ...(afterExit === undefined ? {} : { afterExit }) });
  if (spec.process?.terminal === true) {
    const launched = await runc.create(id, bundle, "terminal");
    if (launched.terminal === undefined) throw new GuestError(RESULT.failed, "runc gave no terminal");
    return processOf(launched, new TerminalStdio(launched.terminal));
  }
  const pipes = new StdioPipes(ALL_STREAMS);
  try {
    return processOf(await runc.create(id, bundle, pipes), new PipeStdio(pipes));
  } catch (error) {
    pipes.destroy();
    throw error;
  } finally {
    pipes.closeChildEnds();
  }
}

/** Kills what an init process without a pid namespace of its own has left in the container. */
async function killRest(
  id: string,
  cgroup: string,
  hierarchies: readonly CgroupHierarchy[],
  log: Log,
): Promise<void> {
  const killAll = (): boolean => {
    const pids = cgroupProcesses(cgroup, hierarchies).filter((pid) => pid > 0);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    return pids.length === 0;
  };
  try {
    await until(killAll, { what: `cgroup "${cgroup}" is empty`, limitMs: RELEASE_LIMIT_MS });
  } catch (error) {
    log.error("cannot kill all processes of a container", { container: id, error: String(error) });
  }
}

/** What a failed creation has left. Its own failures must not hide the first one. */
async function undo({ id, kind, bundle, cgroup }: Plan, dependencies: CreateDependencies): Promise<void> {
  const { runc, hierarchies, log } = dependencies;
  const steps: readonly (() => void | Promise<void>)[] = [
    () => runc.delete(id),
    () => removeCgroup(cgroup, hierarchies),
    () => (kind.type === "sandbox" ? removeSandboxMounts(bundle) : undefined),
    () => rmSync(join(bundle, "config.json"), { force: true }),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      log.warning("cannot undo the creation of a container", { container: id, error: String(error) });
    }
  }
}
