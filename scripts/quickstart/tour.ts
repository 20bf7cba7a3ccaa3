/** The tour: one pod with two containers on the HCS emulator, looked at from all sides. */
import { ContainerState, type LinuxContainerResources, PodSandboxState } from "../../protos/gen/cri.ts";
import type { Containerd } from "../../test/support/containerd.ts";
import type { Cri, Pod, PodContainer } from "../../test/support/cri.ts";
import { until } from "../../test/support/until.ts";
import { formatBytes, formatDuration, formatTable } from "../terminal/format.ts";
import type { Reporter } from "../terminal/reporter.ts";
import { describeTimes, describeVm } from "./uvm-report.ts";

const WEB_SCRIPT = `mkdir -p /www
echo "hello from container web on $(hostname)" > /www/index.html
echo "serving on port 8080"
exec httpd -f -p 8080 -h /www`;

const CLIENT_SCRIPT = `until wget -q -O /tmp/page http://127.0.0.1:8080/; do sleep 0.1; done
echo "got: $(cat /tmp/page)"
echo "this line went to standard error" >&2
exec sleep 100000`;

const LIMITS: Partial<LinuxContainerResources> = {
  memoryLimitInBytes: 64n << 20n,
  cpuPeriod: 100_000n,
  cpuQuota: 50_000n,
};

interface Scene {
  readonly containerd: Containerd;
  readonly cri: Cri;
  readonly pod: Pod;
  readonly containers: ReadonlyMap<string, PodContainer>;
}

/** Makes the pod, shows it, removes it. */
export async function runTour(reporter: Reporter, containerd: Containerd): Promise<void> {
  reporter.heading("One pod with two containers, through CRI");
  using cri = await containerd.cri();
  const pod = await reporter.step("sandbox quickstart: utility VM, guest, network", async (update) => {
    const made = await cri.runPod("quickstart");
    update(made.id.slice(0, 12));
    return made;
  });
  const containers = new Map<string, PodContainer>();
  for (const [name, script] of [
    ["web", WEB_SCRIPT],
    ["client", CLIENT_SCRIPT],
  ] as const) {
    const container = await reporter.step(`container ${name}`, async (update) => {
      const started = await pod.start(name, { command: ["sh", "-c", script], resources: LIMITS });
      update(started.id.slice(0, 12));
      return started;
    });
    containers.set(name, container);
  }
  const scene = { containerd, cri, pod, containers };
  await showStatus(reporter, scene);
  await showLogs(reporter, scene);
  await showExec(reporter, scene);
  await showStats(reporter, scene);
  await showVm(reporter, scene);
  reporter.heading("The end of the pod");
  await reporter.step("remove pod quickstart", () => pod.removePersistently());
}

async function showStatus(reporter: Reporter, { containerd, pod, containers }: Scene): Promise<void> {
  reporter.heading("Status");
  const sandbox = await pod.status();
  const state = nameOf(PodSandboxState, sandbox.state).replace("SANDBOX_", "");
  const rows = [["sandbox", "quickstart", pod.id.slice(0, 12), state, sandbox.network?.ip ?? "no address"]];
  for (const [name, container] of containers) {
    const status = await container.status();
    const since = `started ${new Date(Number(status.startedAt / 1_000_000n)).toISOString()}`;
    rows.push([
      "container",
      name,
      container.id.slice(0, 12),
      nameOf(ContainerState, status.state).replace("CONTAINER_", ""),
      since,
    ]);
  }
  reporter.note(...formatTable(rows));
  reporter.note(`handler ${containerd.runtime.type}, containerd ${containerd.installation.version}`);
}

async function showLogs(reporter: Reporter, { containers }: Scene): Promise<void> {
  reporter.heading("Logs");
  const rows: string[][] = [];
  for (const [name, container] of containers) {
    const expected = name === "client" ? 2 : 1;
    const lines = await until(`output of container ${name}`, async () => {
      const log = await container.log();
      return log.length >= expected && log;
    });
    rows.push(...lines.map(({ stream, text }) => [name, stream, text]));
  }
  reporter.note(...formatTable(rows));
}

async function showExec(reporter: Reporter, { containers }: Scene): Promise<void> {
  reporter.heading("A command in container client");
  const command = "wget -q -O - http://127.0.0.1:8080/; cat /proc/1/comm; exit 7";
  const started = performance.now();
  const result = await containers.get("client")?.exec(["sh", "-c", command]);
  reporter.note(`$ ${command}`, ...(result?.stdout.trimEnd().split("\n") ?? []));
  reporter.note(`exit status ${result?.code} after ${formatDuration(performance.now() - started)}`);
}

async function showStats(reporter: Reporter, { containers }: Scene): Promise<void> {
  reporter.heading("Statistics");
  const rows = [["container", "cpu time", "working set", "limit"]];
  for (const [name, container] of containers) {
    const stats = await container.stats();
    rows.push([
      name,
      formatDuration(Number(stats.cpu?.usageCoreNanoSeconds?.value ?? 0n) / 1e6),
      formatBytes(Number(stats.memory?.workingSetBytes?.value ?? 0n)),
      formatBytes(Number(LIMITS.memoryLimitInBytes)),
    ]);
  }
  reporter.note(...formatTable(rows, [1, 2, 3]));
}

async function showVm(reporter: Reporter, { containerd, pod, containers }: Scene): Promise<void> {
  reporter.heading("The HCS document of its utility VM (hcsctl emulator inspect)");
  reporter.note(...(await describeVm(containerd, pod.id)));
  reporter.heading("Where the time went (hcsctl timeline)");
  const names = new Map([
    [pod.id, "sandbox"],
    ...[...containers].map(([name, { id }]) => [id, name] as const),
  ]);
  reporter.note(...(await describeTimes(containerd, pod.id, names)));
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);
}
