import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { Cri } from "../support/cri.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { type Fault, FaultyShim } from "../support/faulty-shim.ts";
import { RUNHCS } from "../support/runtime.ts";

/** What a failing step says. */
const FAILURE = { fail: "0x80004005", detail: "as the test asked" };

/** Each step of making a pod: the operations of the platform, in the order in which they come. */
const STEPS = [
  "storage.mount",
  "network.openNamespace",
  "create",
  "create.claim",
  "create.cgroups",
  "create.sockets",
  "create.shares",
  "create.spawn",
  "create.ready",
  "properties",
  "hvSocket.listen",
  "start",
  "hvSocket.accept",
  "modify",
] as const;

/** Steps at which there is a utility VM that can be lost. */
const STEPS_WITH_VM = ["start", "hvSocket.accept", "modify"] as const;

describe("making a pod fails", () => {
  let folder: string;
  let shim: FaultyShim;

  before(async () => {
    folder = mkdtempSync("/tmp/rhfaults");
    shim = await FaultyShim.create(folder, RUNHCS);
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  eachContainerd(
    "and leaves nothing",
    // A process reads its faults once: pods that share one would get those of the pod before.
    { oursOnly: true, tidy: true, ownProcesses: true, configure: () => ({ path: [folder] }) },
    (containerd) => {
      let cri: Cri;

      before(async () => {
        cri = await containerd().cri();
      });

      afterEach(async () => {
        await shim.clear();
      });

      after(() => {
        cri.close();
      });

      for (const operation of STEPS) {
        it(`when ${operation} fails`, async () => {
          await shim.set({ operation, ...FAILURE });
          await assert.rejects(cri.runPod("failing"), /as the test asked/);
          await nothingLeft();
        });
      }

      it("when the platform does not answer the shim at all: the reason is in containerd's log", async () => {
        await shim.set({ operation: "host", ...FAILURE });
        await assert.rejects(cri.runPod("failing"));
        await nothingLeft();
        assert.match(containerd().log(), /as the test asked/);
      });

      for (const operation of STEPS_WITH_VM) {
        it(`when the utility VM is lost at ${operation}`, async () => {
          await shim.set({ operation, crash: true });
          await assert.rejects(cri.runPod("failing"));
          await nothingLeft();
        });
      }

      it("when its container cannot have its file system: the pod stays and takes another", async () => {
        // The first mount is the sandbox's own.
        await shim.set({ operation: "storage.mount", nth: 2, ...FAILURE });
        const pod = await cri.runPod("half");
        const failing = await pod.create("failing");
        await assert.rejects(failing.start(), /as the test asked/);
        assert.equal((await failing.status()).reason, "StartError");
        await failing.remove();
        assert.equal(await pod.isReady(), true);
        const working = await pod.start("working");
        assert.equal((await working.exec(["echo", "fine"])).stdout, "fine\n");
        await pod.remove();
        await nothingLeft();
      });

      const releases: Fault[] = [
        { operation: "terminate", nth: 1, ...FAILURE },
        { operation: "storage.unmount", nth: 1, ...FAILURE },
      ];
      for (const fault of releases) {
        it(`when ${fault.operation} fails once on the way out`, async () => {
          await shim.set(fault);
          const pod = await cri.runPod("leaving");
          await pod.start("main");
          await pod.removePersistently();
          await nothingLeft();
        });
      }

      it("and works when nothing fails", async () => {
        const pod = await cri.runPod("working");
        assert.equal((await (await pod.start("main")).exec(["echo", "fine"])).stdout, "fine\n");
        await pod.remove();
        await nothingLeft();
      });

      async function nothingLeft(): Promise<void> {
        await containerd().untilNothingLeft();
        assert.deepEqual(await cri.podIds(), []);
      }
    },
  );
});
