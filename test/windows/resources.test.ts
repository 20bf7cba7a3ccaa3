/** What Windows containers may use, and what is changed while they run; through a real containerd. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryLimit } from "../../hcs/emulator/cgroup/statistics.ts";
import { cgroupHierarchies, cgroupsBelow, hierarchyOf } from "../../hcs/emulator/cgroup/tree.ts";
import { CGROUP_PARENT } from "../../hcs/emulator/systems/state-directory.ts";
import { NO_MEMORY } from "../../hcs/exit-codes.ts";
import type { Container } from "../../shim/client/container.ts";
import type { ContainerEvent } from "../../shim/client/events.ts";
import { outcome } from "../support/client-programs.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";
import { WINDOWS_DIRECTORY, WindowsPods } from "../support/windows-containers.ts";
import { WINDOWS_PLACES, WindowsLibrary } from "../support/windows-library.ts";

const configure = () => ({ nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } });

const HIERARCHIES = cgroupHierarchies();
const MEBIBYTE = 1024 ** 2;
const CONTAINER_MOUNT = "types.containerd.io/ContainerMount";

eachContainerd("resources of Windows containers", { lines: ["2.1"], configure }, (containerd) => {
  let library: WindowsLibrary;

  before(async function () {
    this.timeout(180_000);
    library = await WindowsLibrary.open(containerd());
  });

  after(() => library?.close());

  for (const [place, options] of Object.entries(WINDOWS_PLACES)) {
    const probe = place === "a HostProcess container" ? "C:\\hpc\\probe.exe" : "C:\\probe.exe";

    it(`${place}: a program that takes more memory than there is ends of it, and the client is told`, async () => {
      const over = new AbortController();
      const events: ContainerEvent[] = [];
      const listening = (async () => {
        for await (const event of library.client.events(over.signal)) events.push(event);
      })().catch(() => undefined);
      try {
        await using container = await library.create([probe, "eat", "600"], {
          ...options,
          limits: { memory: "300M" },
        });
        const { exitCode, stdout } = await outcome(await container.start({ output: "pipe" }));
        assert.doesNotMatch(stdout, /full/);
        assert.equal(exitCode, NO_MEMORY);
        const { id } = container;
        const told = await until("the client to be told of the exit", () => {
          const own = events.filter(({ containerId }) => containerId === id).map(({ type }) => type);
          return own.includes("exited") ? own : undefined;
        });
        assert.ok(told.indexOf("out-of-memory") >= 0, told.join());
        assert.ok(told.indexOf("out-of-memory") < told.indexOf("exited"), told.join());
      } finally {
        over.abort();
        await listening;
      }
    });

    it(`${place}: what fits is given`, async () => {
      await using container = await library.create([probe, "eat", "100"], {
        ...options,
        limits: { memory: "300M" },
      });
      const { exitCode, stdout } = await outcome(await container.start({ output: "pipe" }));
      assert.match(stdout, /full/);
      assert.equal(exitCode, 0);
    });
  }

  for (const [isolation, hyperv] of [
    ["process", false],
    ["hypervisor", true],
  ] as const) {
    describe(`${isolation} isolation, in a pod`, () => {
      const pod = `${isolation}-pod`;
      const id = `${isolation}-member`;
      let container: Container;

      before(async () => {
        const pods = new WindowsPods(containerd().ctr(), library.images);
        await pods.start(pod, { hyperv });
        const config = pods.member(pod, id, {
          ...{ hyperv, commandLine: "ping -t 127.0.0.1" },
          resources: { memory: { limit: 512 * MEBIBYTE }, cpu: { count: 1 } },
        });
        await containerd().ctr().runDetached(id, { config });
        container = await library.client.get(id);
      });

      after(() => new WindowsPods(containerd().ctr(), library.images).end(id, pod));

      it("limits can be changed while it runs, and hold", async () => {
        const group = groupOf(id);
        assert.equal(memoryLimit(group, HIERARCHIES), 512 * MEBIBYTE);
        assert.equal(processorsOf(group), 1);
        await container.update({ memory: "640M", cpus: 0.5 });
        assert.equal(memoryLimit(group, HIERARCHIES), 640 * MEBIBYTE);
        assert.equal(processorsOf(group), 0.5);
        // Seen from inside: two seconds of wanting all of a processor, of which the last period may not be over.
        const { stdout } = await outcome(await container.spawn({ args: ["C:\\probe.exe", "burn", "2000"] }));
        const usedMs = Number(/used (\d+)/.exec(stdout)?.[1]);
        assert.ok(usedMs > 0 && usedMs <= 1200, stdout);
      });

      it("directories are added while it runs, for reading or for writing, too", async () => {
        const directory = join(library.images.directory, `hot-${isolation}`);
        mkdirSync(directory);
        writeFileSync(join(directory, "in.txt"), "from the host");
        const add = (mount: object): Promise<void> =>
          library.client.engine.tasks.update(id, {
            typeUrl: CONTAINER_MOUNT,
            value: Buffer.from(JSON.stringify(mount)),
          });
        await add({ HostPath: directory, ContainerPath: "C:\\late\\kept", ReadOnly: true });
        await add({ HostPath: directory, ContainerPath: "C:\\late\\given", ReadOnly: false });
        const line =
          "type C:\\late\\kept\\in.txt & echo made> C:\\late\\given\\out.txt & (echo no> C:\\late\\kept\\no.txt) || echo refused";
        const { stdout, stderr } = await outcome(await container.spawn({ args: ["cmd", "/c", line] }));
        assert.match(stdout, /from the host/, stderr);
        assert.match(stdout, /refused/);
        assert.equal(readFileSync(join(directory, "out.txt"), "utf8").trim(), "made");
        assert.equal(existsSync(join(directory, "no.txt")), false);
        const none = join(directory, "none");
        await assert.rejects(
          add({ HostPath: none, ContainerPath: "C:\\none" }),
          (error: Error) => error.message.includes(none) && /does not exist/.test(error.message),
        );
      });
    });
  }
});

/** The control group of a container on the emulator, by its id. */
function groupOf(id: string): string {
  const [hierarchy] = HIERARCHIES;
  const found =
    hierarchy && cgroupsBelow(hierarchy, CGROUP_PARENT).find((path) => path.endsWith(`/pods/${id}`));
  if (found === undefined) throw new Error(`container "${id}" has no control group`);
  return found.slice(hierarchy?.mountPoint.length);
}

/** Processors' worth of time that a group may use. */
function processorsOf(group: string): number {
  const cpu = hierarchyOf(HIERARCHIES, "cpu");
  if (cpu === undefined) throw new Error("this machine does not limit processors");
  const read = (file: string): string => readFileSync(join(cpu.mountPoint, group, file), "utf8");
  if (cpu.version === 1) return Number(read("cpu.cfs_quota_us")) / Number(read("cpu.cfs_period_us"));
  const [quota, period] = read("cpu.max").split(" ").map(Number);
  return (quota ?? 0) / (period ?? 1);
}
