/** A creation that does not come to its end leaves nothing, wherever it stops. Leftovers are looked for by the frame. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultOperation, FaultRule } from "../../hcs/emulator/faults.ts";
import { reclaimOrphans } from "../../hcs/emulator/systems/reclaim.ts";
import { parseSystemEntry, systemDirectory } from "../../hcs/emulator/systems/state-directory.ts";
import type { HcsError } from "../../hcs/errors.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import { isNotFound } from "../../hcs/hresult.ts";
import { listProcesses } from "../support/proc.ts";
import { until } from "../support/until.ts";
import { withBackend } from "./backend.ts";
import { emulatorFactory } from "./emulator-under-test.ts";
import { endSystem, hcsError } from "./under-test.ts";

const STEPS: readonly FaultOperation[] = [
  "create",
  "create.claim",
  "create.cgroups",
  "create.sockets",
  "create.shares",
  "create.spawn",
  "create.ready",
];

withBackend("emulator: failed creation", emulatorFactory, (under) => {
  for (const operation of STEPS) {
    it(`leaves nothing when ${operation} fails`, async () => {
      const action = { kind: "fail", hresult: HRESULT.accessDenied, detail: "not today" } as const;
      const backend = under().another({ faults: [{ operation, action }] });
      const id = under().systemId();
      const made = backend.computeSystems.create(id, await under().document());
      await assert.rejects(
        made,
        hcsError((error) => (error as { hresult: number }).hresult === HRESULT.accessDenied, "not today"),
      );
      assert.deepEqual(await under().backend.computeSystems.enumerate(), []);
      await endSystem(await under().backend.computeSystems.create(id, await under().document()));
    });

    it(`leaves nothing when its signal fires at ${operation}`, async () => {
      const abort = new AbortController();
      const reason = new Error("out of time");
      const action = {
        kind: "delay",
        until: (signal: AbortSignal | undefined) => {
          assert.ok(signal);
          const fired = once(signal, "abort").then(() => signal.throwIfAborted());
          abort.abort(reason);
          return fired;
        },
      } as const;
      const backend = under().another({ faults: [{ operation, action }] });
      const id = under().systemId();
      const made = backend.computeSystems.create(id, await under().document(), { signal: abort.signal });
      await assert.rejects(made, reason);
      await endSystem(await under().backend.computeSystems.create(id, await under().document()));
    });
  }

  it("leaves nothing when its signal fires while the worker starts", async () => {
    const script = join(under().directory, "sleeper");
    writeFileSync(script, "#!/bin/sh\nexec sleep 1000\n", { mode: 0o755 });
    const backend = under().another({ workerEntry: { command: [script] } });
    const abort = new AbortController();
    const id = under().systemId();
    const document = await under().document();
    document.VirtualMachine!.Chipset!.LinuxKernelDirect!.KernelFilePath = join(under().directory, "kernel");
    const made = backend.computeSystems.create(id, document, { signal: abort.signal });
    const isWorker = (words: readonly string[]): boolean =>
      words.includes("unshare") && words.some((word) => word.startsWith(under().stateDirectory));
    await until("the worker to run", () => listProcesses().some((one) => isWorker(one.arguments)));
    const reason = new Error("enough");
    abort.abort(reason);
    await assert.rejects(made, reason);
    assert.ok(!existsSync(under().stateDirectory));
  });

  it("tells the last words of a worker that ends before it is ready", async () => {
    const script = join(under().directory, "broken");
    writeFileSync(script, "#!/bin/sh\necho first line >&2\necho the disk is on fire >&2\nexit 3\n", {
      mode: 0o755,
    });
    const backend = under().another({ workerEntry: { command: [script] } });
    const document = await under().document();
    document.VirtualMachine!.Chipset!.LinuxKernelDirect!.KernelFilePath = join(under().directory, "kernel");
    const made = backend.computeSystems.create(under().systemId(), document);
    await assert.rejects(made, /the worker exited with status 3: the disk is on fire, before it was ready/);
  });

  it("tells both when it fails and cannot be undone; what is left can be reclaimed later", async () => {
    const id = under().systemId();
    const alien = join(systemDirectory(under().stateDirectory, id), "alien");
    const faults: FaultRule[] = [
      {
        operation: "create.ready",
        // Nobody but the emulator has any business there, so it refuses to remove what is in it.
        action: {
          kind: "delay",
          until: async () => void mkdirSync(join(alien, "deep"), { recursive: true }),
        },
      },
      {
        operation: "create.ready",
        action: { kind: "fail", hresult: HRESULT.accessDenied, detail: "not today" },
      },
    ];
    const made = under()
      .another({ faults })
      .computeSystems.create(id, await under().document());
    await assert.rejects(
      made,
      hcsError(
        (error) => (error as HcsError).hresult === HRESULT.accessDenied,
        "not today",
        "undoing it failed: ENOTEMPTY",
      ),
    );
    const systems = join(under().stateDirectory, "systems");
    const [buried] = readdirSync(systems);
    assert.equal(parseSystemEntry(buried!)?.kind, "dead");
    rmdirSync(join(systems, buried!, "alien/deep"));
    assert.equal(await reclaimOrphans(under().stateDirectory), 1);
  });

  it("says when the worker program is not there", async () => {
    const backend = under().another({ workerEntry: { command: ["/usr/bin/node", "/opt/none/worker.cjs"] } });
    const document = await under().document();
    document.VirtualMachine!.Chipset!.LinuxKernelDirect!.KernelFilePath = "/opt/none/kernel";
    const made = backend.computeSystems.create(under().systemId(), document);
    await assert.rejects(made, hcsError(isNotFound, '"/opt/none/worker.cjs" does not exist'));
  });
});
