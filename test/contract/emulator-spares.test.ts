/** Workers that are booted before there is a system for them. Leftovers are looked for by the frame. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EMULATOR_DIAGNOSTICS, type EmulatorDiagnostic } from "../../hcs/emulator/diagnostics.ts";
import { SpareWorkers, type SpareTraits } from "../../hcs/emulator/systems/spare-workers.ts";
import { systemDirectory } from "../../hcs/emulator/systems/state-directory.ts";
import { systemPaths } from "../../hcs/emulator/systems/system-file.ts";
import { workerEnvironment } from "../../hcs/emulator/systems/worker-launch.ts";
import { SPARE_FLAG } from "../../hcs/emulator/worker/messages.ts";
import { MS, mount, unmount } from "../../hcs/posix/libc.ts";
import { PLAN9_SHARES } from "../../hcs/schema/modify.ts";
import { readProcess } from "../support/proc.ts";
import { spareWorkers, type SpareFacts } from "../support/spare-workers.ts";
import { until } from "../support/until.ts";
import { withBackend } from "./backend.ts";
import { emulatorFactory, type EmulatorUnderTest } from "./emulator-under-test.ts";
import { endSystem } from "./under-test.ts";

const FOREVER_MS = 600_000;

withBackend("emulator: workers booted ahead", emulatorFactory, (under) => {
  let spares: SpareWorkers;
  /** Whatever else a test makes. */
  let others: SpareWorkers[];

  const traits = (): SpareTraits => ({
    stateDirectory: under().stateDirectory,
    command: under().command,
    environment: workerEnvironment(),
  });

  const prepare = (changes: { readonly idleMs?: number } & Partial<SpareTraits> = {}): SpareWorkers => {
    const made = new SpareWorkers({ ...traits(), idleMs: FOREVER_MS, ...changes });
    made.prepare();
    others.push(made);
    return made;
  };

  beforeEach(() => {
    others = [];
    spares = prepare();
  });

  afterEach(async () => {
    for (const one of others) one.close();
    await until("no spare to be left", () => waiting(under()).length === 0);
  });

  it("give a system its worker", async () => {
    const spare = await ready(under());
    const backend = under().another({ spares });
    const id = under().systemId();
    const system = await backend.computeSystems.create(id, await under().document());
    assert.equal(under().listing(id).worker.pid, spare);
    await system.start();
    assert.equal(under().listing(id).state, "Running");
    await endSystem(system);
  });

  it("are given away while they boot", async () => {
    const backend = under().another({ spares });
    const id = under().systemId();
    const system = await backend.computeSystems.create(id, await under().document());
    const { parent = 0 } = readProcess(under().listing(id).worker.pid) ?? {};
    assert.ok(readProcess(parent)?.arguments.includes(SPARE_FLAG));
    await endSystem(system);
  });

  it("see what is shared with the system that they have become", async () => {
    await ready(under());
    const id = under().systemId();
    const system = await under()
      .another({ spares })
      .computeSystems.create(id, await under().document());
    const shared = join(under().directory, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "file"), "seen");
    const names = { Name: "0", AccessName: "0", Port: 564 };
    const Settings = { ...names, Path: shared };
    await system.modify({ ResourcePath: PLAN9_SHARES, RequestType: "Add", Settings });
    assert.equal(readFileSync(under().inGuest(id, "/run/shares/plan9/0/file"), "utf8"), "seen");
    await system.modify({ ResourcePath: PLAN9_SHARES, RequestType: "Remove", Settings: names });
    assert.equal(existsSync(under().inGuest(id, "/run/shares/plan9/0/file")), false);
    await endSystem(system);
  });

  it("are systems to nobody, and have nothing in the state directory", async () => {
    await ready(under());
    assert.deepEqual(await under().backend.computeSystems.enumerate(), []);
    assert.deepEqual(readdirSync(under().stateDirectory), []);
  });

  it("hold no mount of the host that is not everybody's", async () => {
    spares.close();
    const busy = join(under().directory, "busy");
    mkdirSync(busy);
    mount({ source: "tmpfs", target: busy, type: "tmpfs", flags: MS.nosuid });
    try {
      await until("the first spare to be gone", () => waiting(under()).length === 0);
      prepare();
      const mounts = readFileSync(`/proc/${await ready(under())}/mounts`, "utf8");
      assert.equal(mounts.includes(busy), false);
    } finally {
      unmount(busy);
    }
  });

  it("tell how they ended, as any worker does", async () => {
    const pid = await ready(under());
    const id = under().systemId();
    const system = await under()
      .another({ spares })
      .computeSystems.create(id, await under().document());
    process.kill(pid, "SIGKILL");
    const exit = await system.exited;
    assert.equal(exit.exitType, "UnexpectedExit");
    assert.match(exit.reason ?? "", /^the worker was ended by SIGKILL/);
    await system.close();
  });

  it("are done without when they were killed", async () => {
    const pid = await ready(under());
    process.kill(pid, "SIGKILL");
    const id = under().systemId();
    const system = await under()
      .another({ spares })
      .computeSystems.create(id, await under().document());
    assert.notEqual(under().listing(id).worker.pid, pid);
    await endSystem(system);
  });

  it("are done without when they are killed while they become a system", async () => {
    const pid = await ready(under());
    process.kill(pid, "SIGSTOP");
    const id = under().systemId();
    const made = under()
      .another({ spares })
      .computeSystems.create(id, await under().document());
    const { workerLog } = systemPaths(systemDirectory(under().stateDirectory, id));
    await until("it to be asked", () => existsSync(workerLog));
    const told: EmulatorDiagnostic[] = [];
    const hear = (message: unknown): void => void told.push(message as EmulatorDiagnostic);
    subscribe(EMULATOR_DIAGNOSTICS, hear);
    try {
      process.kill(pid, "SIGKILL");
      const system = await made;
      assert.notEqual(under().listing(id).worker.pid, pid);
      assert.deepEqual(
        told.map((one) => [one.event, one.id]),
        [["spare-not-used", id]],
      );
      await system.start();
      await endSystem(system);
    } finally {
      unsubscribe(EMULATOR_DIAGNOSTICS, hear);
    }
  });

  it("become nothing that they were not born for", async () => {
    const pid = await ready(under());
    const backend = under().another({ spares, environment: { LANG: "C" } });
    const id = under().systemId();
    const system = await backend.computeSystems.create(id, await under().document());
    assert.notEqual(under().listing(id).worker.pid, pid);
    assert.equal(await ready(under()), pid);
    await endSystem(system);
  });

  it("are followed by another where systems follow each other", async () => {
    spares.keepReady();
    const first = await ready(under());
    const system = await under()
      .another({ spares })
      .computeSystems.create(under().systemId(), await under().document());
    assert.notEqual(await ready(under()), first);
    await endSystem(system);
  });

  it("are followed by none elsewhere", async () => {
    await ready(under());
    const system = await under()
      .another({ spares })
      .computeSystems.create(under().systemId(), await under().document());
    assert.deepEqual(waiting(under()), []);
    await endSystem(system);
    assert.deepEqual(waiting(under()), []);
  });

  it("end when nobody has wanted them for long", async () => {
    spares.close();
    await until("the first spare to be gone", () => waiting(under()).length === 0);
    prepare({ idleMs: 1 });
    await until("the spare to end", () => waiting(under()).length === 0);
  });

  it("end with a holder that is killed", async () => {
    spares.close();
    await until("the first spare to be gone", () => waiting(under()).length === 0);
    const script = join(import.meta.dirname, "spare-holder.ts");
    const holder = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(traits())], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    await ready(under());
    holder.kill("SIGKILL");
    await once(holder, "exit");
    await until("the spare to end with its holder", () => waiting(under()).length === 0);
    assert.deepEqual(readdirSync(under().stateDirectory), []);
  });
});

function waiting({ stateDirectory }: EmulatorUnderTest): SpareFacts[] {
  return spareWorkers(stateDirectory);
}

/** The pid of the one that waits, once it does. */
function ready(under: EmulatorUnderTest): Promise<number> {
  return until("a worker to wait", () => {
    const found = waiting(under).filter(({ isReady }) => isReady);
    return found.length === 1 && found[0]?.worker?.pid;
  });
}
