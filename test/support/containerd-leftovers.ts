/**
 * What a private containerd's pods and tasks left on the machine. Everything is recognised by the containerd's own
 * directory or name, never by comparing before and after: other tests may run at the same time.
 */
import { type Dirent, existsSync, readFileSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { cgroupHierarchies, cgroupsBelow, removeCgroup } from "../../hcs/emulator/cgroup/tree.ts";
import { listSystems, reclaimSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { CGROUP_PARENT, systemKey } from "../../hcs/emulator/systems/state-directory.ts";
import { shimAddress } from "../../shim/bootstrap/address.ts";
import { runCommand } from "./command.ts";
import { keeperProcesses } from "./keeper.ts";
import { spareWorkers } from "./spare-workers.ts";
import {
  isAlive,
  listProcesses,
  mountsBelow,
  readEnvironment,
  isRootedIn,
  type ProcessFacts,
} from "./proc.ts";
import { until } from "./until.ts";

/** The part of a private containerd that matters here. */
export interface Traces {
  readonly directory: string;
  /** Where it answers. */
  readonly address: string;
  readonly namespace: string;
  readonly emulatorDirectory: string;
  readonly journalDirectory: string;
  readonly network: { readonly bridge: string };
  readonly runtime: { readonly ours: boolean };
  readonly nodeFile: string;
  /** Utility VMs of others that had cgroups before: their tasks may be called as ours are. */
  readonly foreignSystems: ReadonlySet<string>;
  /** Ids of the tasks that were made. */
  readonly taskIds: ReadonlySet<string>;
  log(): string;
}

/** How long things that are on their way out may take: a shim that was told to end, a mount that is being released. */
const SETTLE_TIMEOUT_MS = 5_000;

/** A line for each thing that is still there after a moment. */
export async function collectLeftovers(traces: Traces): Promise<string[]> {
  let left: string[] = [];
  const settled = until("leftovers to go", async () => (left = await findLeftovers(traces)).length === 0, {
    timeoutMs: SETTLE_TIMEOUT_MS,
  });
  await settled.catch(() => undefined);
  return left;
}

/** A line for each thing that is there right now. */
export async function findLeftovers(traces: Traces): Promise<string[]> {
  const { directory, namespace, network } = traces;
  return [
    ...withoutKeeper(traces, processesOf(traces)).map(
      ({ pid, name, arguments: words }) => `process ${pid} ${name}: ${words.join(" ")}`,
    ),
    ...mountsBelow(directory).map((path) => `mount ${path}`),
    ...cgroupsIn(`/${namespace}`)
      // The parent itself is kubelet's to make and remove, here ours.
      .filter((path) => path !== `/${namespace}`)
      .map((path) => `cgroup ${path}`),
    // The Go shim leaves its socket when it is killed: that is theirs.
    ...(traces.runtime.ours ? shimSockets(traces).map((path) => `socket ${path}`) : []),
    ...emulatorCgroups(traces).map((path) => `cgroup ${path}`),
    ...files(`${directory}/state`)
      .filter((path) =>
        /\/io\.containerd\.(runtime\.v2\.task|sandbox\.controller\.v1\.shim)\/[^/]+\/[^/]+$/.test(path),
      )
      .map((path) => `bundle ${path}`),
    ...files(`${directory}/ipam`)
      .filter((path) => /\/\d+\.\d+\.\d+\.\d+$/.test(path))
      .map((path) => `address ${path}`),
    ...files("/var/lib/cni/results")
      .filter((path) => path.includes(`/${network.bridge}-`))
      .map((path) => `network result ${path}`),
    ...(await linksOf(network.bridge)).map((link) => `network link ${link}`),
    ...files(traces.emulatorDirectory).map((path) => `emulator file ${path}`),
    ...files(traces.journalDirectory)
      .filter((path) => path.endsWith(".jsonl"))
      .map((path) => `journal ${path}: ${readFileSync(path, "utf8").trimEnd()}`),
  ];
}

/** Ends and unmounts what is there. Files below the directory are left to whoever removes that. */
export async function removeLeftovers(traces: Traces): Promise<void> {
  // First, because processes that stand still do not end when they are killed.
  for (const { id } of listSystems(traces.emulatorDirectory))
    await reclaimSystem(traces.emulatorDirectory, id);
  for (const { pid } of processesOf(traces)) tryKill(pid);
  await until("processes to end", () => processesOf(traces).length === 0, { timeoutMs: SETTLE_TIMEOUT_MS });
  for (const path of mountsBelow(traces.directory)) await runCommand("umount", ["--lazy", path]);
  for (const path of shimSockets(traces)) await rm(path, { force: true });
  await removeCgroup(`/${traces.namespace}`, cgroupHierarchies());
}

/** Processes that carry the directory in their arguments or environment, or whose root is made of what is below it. */
function processesOf({ directory }: Traces): ReturnType<typeof listProcesses> {
  return listProcesses().filter(
    ({ pid, arguments: words }) =>
      pid !== process.pid &&
      isAlive(pid) &&
      (words.some((word) => word.includes(directory)) ||
        readEnvironment(pid).some((entry) => entry.includes(`${directory}/`)) ||
        isRootedIn(pid, directory)),
  );
}

/** The keeper stays when pods go, with what it and its processes have booted for others. */
function withoutKeeper(
  { nodeFile, emulatorDirectory }: Traces,
  processes: readonly ProcessFacts[],
): ProcessFacts[] {
  const kept = new Set(keeperProcesses(nodeFile).map(({ pid }) => pid));
  for (const { launcher, worker } of spareWorkers(emulatorDirectory)) {
    if (!kept.has(launcher.parent)) continue;
    for (const one of [launcher, worker]) if (one !== undefined) kept.add(one.pid);
  }
  return processes.filter(({ pid }) => !kept.has(pid));
}

/** Ids of pods and their containers: they are in containerd's log even when the pod could not be made. */
function podIds(traces: Traces): ReadonlySet<string> {
  return new Set(traces.log().match(/\b[0-9a-f]{64}\b/g) ?? []);
}

/** Sockets of shims: named after a digest of containerd's address, the namespace and the id. */
function shimSockets(traces: Traces): string[] {
  const groups = [
    ...[...traces.taskIds].map((group) => ({ namespace: traces.namespace, group })),
    ...[...podIds(traces)].map((group) => ({ namespace: "k8s.io", group })),
  ];
  return groups
    .map((one) => shimAddress({ ...one, containerd: traces.address }).path)
    .filter((path) => existsSync(path));
}

/** Cgroups of utility VMs that were made for our tasks: named after a digest of the task's id. */
function emulatorCgroups(traces: Traces): string[] {
  const keys = new Set([...traces.taskIds, ...podIds(traces)].map((id) => systemKey(`${id}@vm`)));
  return cgroupsIn(CGROUP_PARENT).filter(
    (path) =>
      keys.has(/^\/runhcs\/([0-9a-f]{16})-/.exec(path)?.[1] ?? "") &&
      !traces.foreignSystems.has(path.split("/")[2] ?? ""),
  );
}

/** Names of the cgroups that utility VMs have right now. */
export function systemCgroups(): ReadonlySet<string> {
  return new Set(cgroupsIn(CGROUP_PARENT).map((path) => path.split("/")[2] ?? ""));
}

/** Cgroups at or below `path` in any hierarchy, as paths in the hierarchy, each once. */
function cgroupsIn(path: string): string[] {
  const found = cgroupHierarchies().flatMap((hierarchy) =>
    cgroupsBelow(hierarchy, path).map((directory) => directory.slice(hierarchy.mountPoint.length)),
  );
  return [...new Set(found)];
}

/** Interfaces that are still attached to a bridge. */
async function linksOf(bridge: string): Promise<string[]> {
  const links = await runCommand("ip", ["-o", "link", "show", "master", bridge]);
  return links.stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** Every path below a directory, the directory itself not. */
function files(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    return entry.isDirectory() ? [path, ...files(path)] : [path];
  });
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
