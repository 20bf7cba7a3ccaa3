/** What happens when somebody dies: the VM, its creator, the launcher between them; and what others can clean up. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCgroup, cgroupHierarchies } from "../../hcs/emulator/cgroup/tree.ts";
import { readHostRecord, readStartTime } from "../../hcs/emulator/systems/host-record.ts";
import { isAlive } from "../../hcs/emulator/systems/process-identity.ts";
import { listSystems, reclaimOrphans, reclaimSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { hostPaths, systemKey } from "../../hcs/emulator/systems/state-directory.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import { isAlreadyExists, isHcs } from "../../hcs/hresult.ts";
import { PLAN9_SHARES } from "../../hcs/schema/modify.ts";
import { until } from "../support/until.ts";
import { withBackend } from "./backend.ts";
import type { CreatorTask } from "./creator.ts";
import { emulatorFactory, type EmulatorUnderTest } from "./emulator-under-test.ts";
import { createSystem, endSystem, hcsError } from "./under-test.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

/** A system whose creator is another process. */
async function createElsewhere(
  under: EmulatorUnderTest,
  changes: Partial<CreatorTask> = {},
): Promise<{ readonly id: string; kill(): Promise<void> }> {
  const id = under.systemId();
  const share = join(under.directory, "shared");
  mkdirSync(share, { recursive: true });
  writeFileSync(join(share, "precious"), "data");
  const document = await under.document();
  const { stateDirectory, command } = under;
  const task: CreatorTask = {
    stateDirectory,
    command,
    id,
    document,
    start: true,
    pause: false,
    share,
    ...changes,
  };
  const creator = spawn(
    process.execPath,
    ["--import", "tsx", join(import.meta.dirname, "creator.ts"), JSON.stringify(task)],
    { cwd: REPOSITORY, stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = once(creator, "exit");
  const [line] = (await Promise.race([once(creator.stdout, "data"), exited])) as [Buffer | number];
  assert.equal(String(line).trim(), "ready");
  return {
    id,
    async kill() {
      creator.kill("SIGKILL");
      await exited;
      assert.equal(readFileSync(join(share, "precious"), "utf8"), "data");
    },
  };
}

withBackend("emulator: when somebody dies", emulatorFactory, (under) => {
  it("reports a VM that crashes as an unexpected exit to every handle", async () => {
    const system = await createSystem(under());
    const other = await under().another().computeSystems.open(system.id);
    await system.start();
    process.kill(under().listing(system.id).worker.pid, "SIGKILL");
    for (const exit of await Promise.all([system.exited, other.exited])) {
      assert.equal(exit.exitType, "UnexpectedExit");
      assert.equal(exit.status, HRESULT.unexpectedExit);
    }
    assert.match((await system.exited).reason ?? "", /^the worker was ended by SIGKILL/);
    await Promise.all([system.close(), other.close()]);
  });

  it("takes a VM along whose launcher is killed", async () => {
    const system = await createSystem(under());
    await system.start();
    const { launcher } = readHostRecord(under().listing(system.id).directory)!;
    process.kill(launcher!.pid, "SIGKILL");
    assert.equal((await system.exited).exitType, "UnexpectedExit");
    await system.close();
  });

  it("fails a start during which the VM exits", async () => {
    const system = await createSystem(under());
    const { worker, directory } = under().listing(system.id);
    process.kill(worker.pid, "SIGSTOP");
    const started = system.start();
    await until("the start to be asked for", () => readStartTime(directory));
    process.kill(worker.pid, "SIGKILL");
    const isTerminated = (error: unknown): boolean => isHcs((error as { hresult: number }).hresult, 0x0100);
    await assert.rejects(started, hcsError(isTerminated, "SIGKILL"));
    await system.close();
  });

  it("ends a system whose creator is killed; reclaiming it removes the rest", async () => {
    const { id, kill } = await createElsewhere(under());
    const { worker } = under().listing(id);
    await kill();
    await until("the worker to end", () => !isAlive(worker));
    const [left] = listSystems(under().stateDirectory);
    assert.equal(left?.state, "Stopped");
    assert.equal(await reclaimSystem(under().stateDirectory, id), true);
    assert.equal(await reclaimSystem(under().stateDirectory, id), false);
  });

  it("reclaims a paused system whose creator is killed", async () => {
    const { id, kill } = await createElsewhere(under(), { pause: true });
    await kill();
    assert.equal(under().listing(id).state, "Paused");
    assert.equal(await reclaimSystem(under().stateDirectory, id), true);
  });

  it("reclaims a system with a paused container", async () => {
    const { id, kill } = await createElsewhere(under());
    const { cgroup } = under().listing(id);
    createCgroup(`${cgroup}/pods/pod/container`, cgroupHierarchies());
    const opened = await under().backend.computeSystems.open(id);
    await opened.pauseHosted!("container");
    await kill();
    assert.equal(await reclaimSystem(under().stateDirectory, id), true);
    await opened.exited;
    await opened.close();
  });

  it("reclaims a living system by several processes at once, and tells its handles", async () => {
    const system = await createSystem(under());
    await system.start();
    const { stateDirectory } = under();
    await Promise.all([1, 2, 3].map(() => reclaimSystem(stateDirectory, system.id)));
    const { exitType, reason } = await system.exited;
    assert.deepEqual({ exitType, reason }, { exitType: "ForcedExit", reason: "it was reclaimed" });
    await system.close();
  });

  it("reclaims all orphans and leaves the living alone", async () => {
    const living = await createSystem(under());
    const dead = await Promise.all([createElsewhere(under()), createElsewhere(under())]);
    await Promise.all(dead.map(({ kill }) => kill()));
    const { stateDirectory } = under();
    await until(
      "orphans to be dead",
      () => listSystems(stateDirectory).filter(({ state }) => state === "Stopped").length === 2,
    );
    const halfMade = join(stateDirectory, "systems", `.new-${systemKey("x")}-1-1-00000000`);
    mkdirSync(hostPaths(halfMade).plan9Shares, { recursive: true });
    assert.equal(await reclaimOrphans(stateDirectory), 3);
    assert.equal((await living.properties({})).State, "Created");
    assert.equal(await reclaimOrphans(stateDirectory), 0);
    await endSystem(living);
  });

  it("makes a new system under the id of a dead one, without being asked to clean up", async () => {
    const { id, kill } = await createElsewhere(under());
    const { worker } = under().listing(id);
    await kill();
    await until("the worker to end", () => !isAlive(worker));
    await endSystem(await under().backend.computeSystems.create(id, await under().document()));
  });

  it("does not take over the id of a system that lives without its creator", async () => {
    const document = await under().document({ ShouldTerminateOnLastHandleClosed: false });
    const { id, kill } = await createElsewhere(under(), { document });
    await kill();
    await assert.rejects(under().backend.computeSystems.create(id, document), hcsError(isAlreadyExists));
    const opened = await under().backend.computeSystems.open(id);
    assert.equal((await opened.properties({})).State, "Running");
    await endSystem(opened);
  });

  it("does not kill a process that has the pid of a dead worker", async () => {
    const { id, kill } = await createElsewhere(under());
    const { directory, worker } = under().listing(id);
    await kill();
    await until("the worker to end", () => !isAlive(worker));
    const bystander = spawn("sleep", ["1000"]);
    const ended = once(bystander, "exit");
    const record = {
      ...readHostRecord(directory)!,
      worker: { pid: bystander.pid!, startTime: worker.startTime },
    };
    writeFileSync(hostPaths(directory).hostFile, JSON.stringify({ ...record, launcher: record.worker }));
    await reclaimSystem(under().stateDirectory, id);
    assert.equal(bystander.exitCode, null);
    assert.equal(bystander.signalCode, null);
    bystander.kill("SIGTERM");
    assert.deepEqual(await ended, [null, "SIGTERM"]);
  });

  it("leaves shared directories and what is mounted in them as they are", async () => {
    const source = join(under().directory, "source");
    const inner = join(source, "inner");
    const elsewhere = join(under().directory, "elsewhere");
    for (const path of [inner, elsewhere]) mkdirSync(path, { recursive: true });
    writeFileSync(join(elsewhere, "file"), "kept");
    const { storage } = under().backend;
    await storage.mount([{ type: "bind", source: elsewhere, target: "", options: ["bind"] }], inner);
    const system = await createSystem(under());
    const Settings = { Name: "0", AccessName: "0", Port: 564, Path: source };
    await system.modify({ ResourcePath: PLAN9_SHARES, RequestType: "Add", Settings });
    await endSystem(system);
    assert.equal(readFileSync(join(inner, "file"), "utf8"), "kept");
    await storage.unmount(inner);
    assert.equal(readFileSync(join(elsewhere, "file"), "utf8"), "kept");
  });
});
