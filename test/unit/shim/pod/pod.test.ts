import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HcsError } from "../../../../hcs/errors.ts";
import { HRESULT } from "../../../../hcs/hresult-table.ts";
import { identityOf } from "../../../../oci/identity.ts";
import { readSpec } from "../../../../oci/spec.ts";
import { Logger } from "../../../../shim/log/logger.ts";
import { Options } from "../../../../shim/options/own.ts";
import { PHASES } from "../../../../shim/phases/table.ts";
import { Timeline } from "../../../../shim/phases/timeline.ts";
import type { PodEnvironment } from "../../../../shim/pod/environment.ts";
import { Pod } from "../../../../shim/pod/pod.ts";
import type { CreateRequest } from "../../../../shim/pod/request.ts";
import { readJournal } from "../../../../shim/resources/journal.ts";
import { FakeBackend } from "../../../support/fake-backend.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { turnsOfTheLoop } from "../../../support/turns.ts";

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

describe("Pod", () => {
  let root: string;
  let backend: FakeBackend;
  let clock: ManualClock;
  let events: string[];
  let logged: string[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pod-"));
    backend = new FakeBackend();
    clock = new ManualClock();
    events = [];
    logged = [];
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function environment(): Promise<PodEnvironment> {
    const logger = new Logger("info", () => clock.now());
    logger.attach(({ level, message, fields }) => {
      const said = ["error", "tasks", "reason"].flatMap((name) => fields[name] ?? []);
      logged.push([level, message, ...said].join(" "));
    });
    const event = (...words: (string | number)[]): void => void events.push(words.join(" "));
    return {
      backend,
      host: await backend.host(),
      clock,
      logger,
      timeline: new Timeline(),
      events: {
        started: ({ id }) => event("started", id),
        execAdded: ({ id }, exec) => event("exec-added", id, exec.id),
        execStarted: ({ id }, exec) => event("exec-started", id, exec.id),
        exited: ({ id }, exec, { status }) => event("exited", id, exec.id, status),
        deleted: ({ id }) => event("deleted", id),
        oom: ({ id }) => event("oom", id),
        paused: ({ id }) => event("paused", id),
        resumed: ({ id }) => event("resumed", id),
      },
      namespace: "k8s.io",
      stateDirectory: join(root, "state"),
      programDirectory: "/opt/runhcs/bin",
      owner: "test",
      streams: {
        reader: () => Promise.reject(new Error("no streams")),
        writer: () => Promise.reject(new Error("no streams")),
      },
    };
  }

  function request(id: string, role: "sandbox" | "container" | "none", spec: object = {}): CreateRequest {
    const bundle = join(root, id);
    mkdirSync(bundle, { recursive: true });
    const annotations =
      role === "none"
        ? {}
        : { "io.kubernetes.cri.container-type": role, "io.kubernetes.cri.sandbox-id": "pod" };
    const document = readSpec({
      annotations,
      linux: { namespaces: [{ type: "network", path: "/run/netns/pod" }] },
      ...spec,
    });
    return {
      id,
      bundle,
      rootfs: [{ type: "overlay", source: "overlay", target: "", options: [] }],
      terminal: false,
      stdio: { stdin: "", stdout: "", stderr: "" },
      spec: document,
      identity: identityOf(document.annotations),
      isolation: "linux-vm",
      scaleProcessorLimit: false,
      scrubLogs: true,
      options: new Options(),
    };
  }

  const workload = (id: string): CreateRequest => request(id, "container", { linux: { namespaces: [] } });

  /** A pod whose sandbox runs. */
  async function runningPod(own: Record<string, string> = {}): Promise<Pod> {
    const options = new Options({ values: new Map(Object.entries(own)), warnings: [] });
    const pod = await Pod.create(await environment(), { ...request("pod", "sandbox"), options });
    await pod.sandbox.start("");
    return pod;
  }

  /** Calls since the last time this was asked. */
  function newCalls(): string[] {
    return backend.calls.splice(0);
  }

  it("is made in the order of the platform: VM, listeners, boot, network, root file system, container", async () => {
    await Pod.create(await environment(), request("pod", "sandbox"));
    assert.deepEqual(
      newCalls().filter((call) => !call.startsWith("unlisten")),
      [
        "create system",
        "properties system",
        "listen 00000001",
        "listen 0000006d",
        "listen 40000000",
        "start system",
        "guest NegotiateProtocol",
        "open namespace /run/netns/pod",
        "modify Add NetworkAdapters/<guid>",
        "guest ModifySettings Add Network",
        "mount rootfs",
        "modify Add Plan9/Shares",
        "guest ModifySettings Add MappedDirectory",
        "guest Create pod",
      ],
    );
  });

  it("needs a build of Windows that can have pods", async () => {
    const { host, ...rest } = await environment();
    const old = { ...rest, host: { ...host, build: 17_134 } };
    await assert.rejects(Pod.create(old, request("pod", "sandbox")), { code: "HOST_OUTDATED" });
    assert.deepEqual(newCalls(), []);
  });

  it("refuses a workload that is isolated otherwise", async () => {
    const pod = await runningPod();
    const stray: CreateRequest = { ...request("web", "container"), isolation: "host-process" };
    await assert.rejects(pod.createWorkload(stray), /must be isolated as its pod is/);
  });

  describe("name servers", () => {
    async function ofAdapter(extra: Partial<CreateRequest>): Promise<unknown> {
      await Pod.create(await environment(), { ...request("pod", "sandbox"), ...extra });
      const settings = backend.guestRequests
        .map(
          ({ Request }) =>
            (Request as { Settings?: { DNSServerList?: string; DNSSuffix?: string } })?.Settings,
        )
        .find((one) => one?.DNSServerList !== undefined);
      return [settings?.DNSServerList, settings?.DNSSuffix];
    }

    it("are those of the endpoint", async () => {
      assert.deepEqual(await ofAdapter({}), ["10.0.0.53", "example"]);
    });

    it("are those the client names, where it does", async () => {
      const dns = { servers: ["192.0.2.53", "192.0.2.54"], search: ["Cluster.Local"] };
      assert.deepEqual(await ofAdapter({ dns }), ["192.0.2.53,192.0.2.54", "cluster.local"]);
    });
  });

  it("creates a workload in the same VM without touching its network", async () => {
    const pod = await runningPod();
    newCalls();
    await pod.createWorkload(workload("web"));
    assert.deepEqual(newCalls(), [
      "mount rootfs",
      "modify Add Plan9/Shares",
      "guest ModifySettings Add MappedDirectory",
      "guest Create web",
    ]);
  });

  describe("when a step of its creation fails", () => {
    const STEPS: readonly (readonly [string, readonly string[]])[] = [
      ["create system", []],
      ["properties system", ["terminate system", "close system"]],
      ["listen 40000000", ["terminate system", "close system"]],
      ["start system", ["terminate system", "close system"]],
      ["guest NegotiateProtocol", ["terminate system", "close system"]],
      ["open namespace /run/netns/pod", ["terminate system", "close system"]],
      ["modify Add NetworkAdapters/<guid>", ["terminate system", "close system"]],
      [
        "guest ModifySettings Add Network",
        ["modify Remove NetworkAdapters/<guid>", "terminate system", "close system"],
      ],
      [
        "mount rootfs",
        [
          "guest ModifySettings Remove Network",
          "modify Remove NetworkAdapters/<guid>",
          "terminate system",
          "close system",
        ],
      ],
      [
        "guest Create pod",
        [
          "guest ModifySettings Remove Network",
          "modify Remove NetworkAdapters/<guid>",
          "terminate system",
          "close system",
          "unmount rootfs",
        ],
      ],
    ];
    for (const [step, undone] of STEPS) {
      it(`at "${step}" everything before it is undone, and nothing stays in the journal`, async () => {
        backend.failures.set(step, new HcsError({ operation: step, hresult: HRESULT.failed }));
        await assert.rejects(Pod.create(await environment(), request("pod", "sandbox")), /0x80004005/);
        const calls = newCalls();
        const after = calls.slice(calls.indexOf(step) + 1).filter((call) => !/^(un)?listen/.test(call));
        assert.deepEqual(after, undone);
        assert.deepEqual(readJournal(join(root, "pod", "journal.jsonl")).held, []);
        assert.ok(!existsSync(join(root, "state")));
      });
    }

    it("what cannot be undone at once is logged, and undone with the rest", async () => {
      const failing = (step: string) =>
        backend.failures.set(step, new HcsError({ operation: step, hresult: HRESULT.failed }));
      failing("guest Create pod");
      failing("guest ModifySettings Remove Network");
      await assert.rejects(Pod.create(await environment(), request("pod", "sandbox")), /guest Create pod/);
      assert.match(
        logged.find((line) => line.startsWith("warn")) ?? "",
        /^warn "pod" failed, and what it had in its VM is not yet released .*guest ModifySettings Remove Network/,
      );
      assert.deepEqual(readJournal(join(root, "pod", "journal.jsonl")).held, []);
    });

    it("a VM that dies while it boots fails the creation at once, not when the budget is used up", async () => {
      backend.boots = false;
      const failed = assert.rejects(
        Pod.create(await environment(), request("pod", "sandbox")),
        /VM "pod@vm" exited while it was starting: UnexpectedExit/,
      );
      await turnsOfTheLoop();
      backend.system!.end({ status: 0xc0370106, exitType: "UnexpectedExit" });
      await failed;
    });

    it("a guest that never connects uses up the budget, which is named", async () => {
      backend.boots = false;
      const failed = assert.rejects(
        Pod.create(await environment(), request("pod", "sandbox")),
        /cannot create "pod": phase vm-boot used up its budget of 120000 ms/,
      );
      await turnsOfTheLoop();
      await clock.advance(PHASES["vm-boot"].budgetMs);
      await failed;
      assert.ok(newCalls().includes("terminate system"));
    });
  });

  describe("admits to its VM only", () => {
    const CASES: readonly (readonly [string, () => CreateRequest, string])[] = [
      [
        "workloads, not a second sandbox",
        () => ({ ...workload("web"), identity: { role: "sandbox", podId: "pod" } }),
        "IDENTITY_MISMATCH",
      ],
      [
        "its own workloads",
        () => ({ ...workload("web"), identity: { role: "workload", podId: "other" } }),
        "IDENTITY_MISMATCH",
      ],
      ["ids that are not its own", () => workload("pod"), "TASK_EXISTS"],
    ];
    for (const [what, make, expected] of CASES) {
      it(what, async () => {
        const pod = await runningPod();
        await assert.rejects(pod.createWorkload(make()), code(expected));
      });
    }

    it("one task of an id, also while that is being created", async () => {
      const pod = await runningPod();
      const first = pod.createWorkload(workload("web"));
      await assert.rejects(pod.createWorkload(workload("web")), code("TASK_EXISTS"));
      await first;
    });

    it("a task whose creation failed before may come again", async () => {
      const pod = await runningPod();
      backend.failures.set(
        "guest Create web",
        new HcsError({ operation: "create", hresult: HRESULT.failed }),
      );
      await assert.rejects(pod.createWorkload(workload("web")), HcsError);
      await pod.createWorkload(workload("web"));
    });

    it("nobody before its sandbox runs, nor after", async () => {
      const pod = await Pod.create(await environment(), request("pod", "sandbox"));
      await assert.rejects(pod.createWorkload(workload("web")), code("POD_NOT_RUNNING"));
      await pod.sandbox.start("");
      await pod.kill(pod.sandbox, "", 9, false);
      await pod.sandbox.init.wait();
      await assert.rejects(pod.createWorkload(workload("web")), code("POD_NOT_RUNNING"));
    });
  });

  it("leaves its VM and the other containers alone when a workload is killed and deleted", async () => {
    const pod = await runningPod();
    const [web, db] = [await pod.createWorkload(workload("web")), await pod.createWorkload(workload("db"))];
    await web.start("");
    await db.start("");
    newCalls();
    await pod.kill(web, "", 9, false);
    await web.init.wait();
    await pod.delete(web, "");
    const calls = newCalls();
    assert.ok(!calls.some((call) => /system| db\b/.test(call)), calls.join());
    assert.deepEqual(calls.slice(-4), [
      "guest ModifySettings Remove MappedDirectory",
      "modify Remove Plan9/Shares",
      "unmount rootfs",
      "guest DeleteContainerState web",
    ]);
    assert.equal(pod.find("web"), undefined);
    assert.equal(db.init.state, "running");
  });

  it("ends its workloads with statuses of their own before it closes the VM", async () => {
    const pod = await runningPod();
    const web = await pod.createWorkload(workload("web"));
    await web.start("");
    newCalls();
    await pod.kill(pod.sandbox, "", 9, false);
    await pod.delete(pod.sandbox, "");
    assert.equal((await web.init.wait()).status, 137);
    const calls = newCalls();
    assert.ok(calls.indexOf("guest SignalProcess web") < calls.indexOf("terminate system"), calls.join());
    await pod.delete(web, "");
    assert.deepEqual(readJournal(join(root, "web", "journal.jsonl")).held, []);
  });

  it("kills everything with all on the sandbox, though a workload has ended already", async () => {
    const pod = await runningPod();
    const [web, db] = [await pod.createWorkload(workload("web")), await pod.createWorkload(workload("db"))];
    await web.start("");
    await db.start("");
    await pod.kill(web, "", 9, false);
    await web.init.wait();
    await pod.kill(pod.sandbox, "", 9, true);
    await pod.sandbox.init.wait();
    assert.equal((await db.init.wait()).status, 137);
  });

  describe("when its VM is lost", () => {
    const crash = (): void => backend.system!.end({ status: 0xc0370106, exitType: "UnexpectedExit" });

    it("every task ends, workloads before the sandbox, each once, with an unknown status", async () => {
      const pod = await runningPod();
      const web = await pod.createWorkload(workload("web"));
      await web.start("");
      crash();
      await Promise.all([web.init.wait(), pod.sandbox.init.wait()]);
      assert.deepEqual(
        events.filter((event) => event.startsWith("exited")),
        ["exited web web 4294967295", "exited pod pod 4294967295"],
      );
    });

    it("tasks that never ran end too", async () => {
      const pod = await runningPod();
      const web = await pod.createWorkload(workload("web"));
      crash();
      assert.equal((await web.init.wait()).status, 1);
    });

    it("calls that need it are refused with the reason, and deletion still works", async () => {
      const pod = await runningPod();
      const web = await pod.createWorkload(workload("web"));
      await web.start("");
      crash();
      await web.init.wait();
      await pod.sandbox.init.wait();
      await assert.rejects(pod.createWorkload(workload("db")), /POD_NOT_RUNNING|the sandbox is stopped/);
      await pod.delete(web, "");
      await pod.delete(pod.sandbox, "");
      for (const id of ["web", "pod"])
        assert.deepEqual(readJournal(join(root, id, "journal.jsonl")).held, [], id);
      assert.ok(pod.isOver);
    });

    it("because only the guest connection broke, the VM is terminated", async () => {
      const pod = await runningPod();
      newCalls();
      backend.guest!.hangUp();
      await pod.sandbox.init.wait();
      await pod.delete(pod.sandbox, "");
      assert.ok(newCalls().includes("terminate system"));
      assert.ok(
        logged.some((line) => line.startsWith("error vm crashed")),
        logged.join("\n"),
      );
    });

    it("says so at once: pod, tasks and reason, in one line of the log", async () => {
      const pod = await runningPod();
      await pod.createWorkload(workload("web"));
      crash();
      await pod.sandbox.init.wait();
      assert.deepEqual(
        logged.filter((line) => line.startsWith("error")),
        ["error vm crashed pod,web UnexpectedExit with status 0xc0370106"],
      );
    });

    describe("with a listener for crashes", () => {
      let server: Server;
      let path: string;
      const lines: string[] = [];
      const listening = (): Record<string, string> => ({ "notify.vm_crashed": path });

      beforeEach(async () => {
        path = join(root, "crashes.sock");
        lines.length = 0;
        server = createServer((socket) => {
          socket.on("data", (chunk: Buffer) => {
            lines.push(chunk.toString());
            events.push("crash told");
          });
        });
        await new Promise<void>((resolve) => server.listen(path, resolve));
      });

      afterEach(() => server.close());

      it("tells it before the exits are", async () => {
        const pod = await runningPod(listening());
        const web = await pod.createWorkload(workload("web"));
        await web.start("");
        backend.guest?.log("warning", "kmsg read: out of memory");
        await turnsOfTheLoop();
        crash();
        await pod.sandbox.init.wait();
        assert.deepEqual(events.slice(-3), [
          "crash told",
          "exited web web 4294967295",
          "exited pod pod 4294967295",
        ]);
        const { at, ...rest } = JSON.parse(lines.join("")) as Record<string, unknown>;
        assert.equal(at, new Date(clock.now()).toISOString());
        assert.deepEqual(rest, {
          event: "vm crashed",
          namespace: "k8s.io",
          pod: "pod",
          vm: "pod@vm",
          reason: "UnexpectedExit with status 0xc0370106",
          tasks: ["pod", "web"],
          log: ["kmsg read: out of memory"],
        });
      });

      it("says nothing when the VM was closed in order", async () => {
        const pod = await runningPod(listening());
        await pod.kill(pod.sandbox, "", 9, true);
        await pod.sandbox.init.wait();
        await pod.delete(pod.sandbox, "");
        assert.deepEqual(lines, []);
      });

      it("ends the tasks all the same when nobody listens", async () => {
        await new Promise((resolve) => server.close(resolve));
        const pod = await runningPod(listening());
        crash();
        assert.equal((await pod.sandbox.init.wait()).status, 4294967295);
        assert.ok(
          logged.some((line) => line.startsWith("warn the listener for crashed VMs was not told")),
          logged.join("\n"),
        );
      });
    });
  });

  it("pauses its VM for the sandbox, and one container alone for a workload", async () => {
    const pod = await runningPod();
    const web = await pod.createWorkload(workload("web"));
    await web.start("");
    newCalls();
    await web.pause();
    await web.resume();
    await pod.sandbox.pause();
    await pod.sandbox.resume();
    assert.deepEqual(newCalls(), ["pause web", "resume web", "pause system", "resume system"]);
  });

  it("changes the VM's limits for the sandbox and the container's for a workload", async () => {
    const pod = await runningPod();
    const web = await pod.createWorkload(workload("web"));
    newCalls();
    await pod.sandbox.update(
      "LinuxResources",
      { memory: { limit: 3 * 1024 ** 2 }, cpu: { quota: 5, shares: 7 } },
      {},
    );
    await web.update("LinuxResources", { memory: { limit: 1 } }, {});
    await assert.rejects(web.update("WindowsResources", {}, {}), code("REQUEST_INVALID"));
    assert.deepEqual(newCalls(), [
      "modify Set ComputeTopology/Memory/SizeInMB",
      "guest ModifySettings Update PodCgroupMemoryLimit",
      "modify Set ComputeTopology/Processor/Limits",
      "guest ModifySettings Update ContainerConstraints",
    ]);
  });

  it("of a task that is not part of one is over with that task", async () => {
    const pod = await Pod.create(await environment(), request("alone", "none"));
    await pod.sandbox.start("");
    await pod.kill(pod.sandbox, "", 9, false);
    await pod.delete(pod.sandbox, "");
    assert.ok(pod.isOver);
    assert.deepEqual(events, ["started alone", "exited alone alone 137", "deleted alone"]);
  });
});
