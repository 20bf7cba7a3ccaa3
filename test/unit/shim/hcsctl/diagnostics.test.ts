import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Diag } from "../../../../protos/gen/diag.ts";
import { ShimDiag } from "../../../../protos/gen/shim-diag.ts";
import { diag, diagStacks } from "../../../../shim/hcsctl/diagnostics.ts";
import { Options } from "../../../../shim/options/own.ts";
import { FileJournal } from "../../../../shim/resources/journal.ts";
import type { ShimReport } from "../../../../shim/service/diag-service.ts";
import { Server } from "../../../../shim/ttrpc/index.ts";
import { runCommand, type CommandOutcome } from "./run-command.ts";

const AT = Date.UTC(2025, 0, 2, 3, 4, 5);

const REPORT: ShimReport = {
  pid: 77,
  id: "pod",
  namespace: "k8s.io",
  backend: "emulator",
  pods: [
    {
      id: "pod",
      vm: {
        id: "pod@vm",
        state: "running",
        document: { Owner: "someone" },
        log: [{ time: "2025-01-02T03:04:05Z", level: "warning", text: "kmsg read: oom-kill" }],
      },
      tasks: [
        {
          id: "web",
          bundle: "/b/web",
          processes: [
            { id: "web", pid: 5, state: "running" },
            { id: "probe", pid: 6, state: "exited", exit: { pid: 6, status: 3, at: AT } },
          ],
          holds: [{ kind: "mount", key: "mount:/r", data: { target: "/r" } }],
        },
      ],
    },
  ],
  running: [{ startedAt: AT, task: "web", verb: "kill", phase: "signal" }],
  phases: [{ startedAt: AT, durationMs: 12.34, task: "pod", verb: "create", phase: "vm-boot" }],
  events: [{ at: AT, event: "TaskExit", task: "web", exec: "probe", pid: 6, status: 3 }],
};

describe("hcsctl diag", () => {
  let root: string;
  let bundle: string;
  let server: Server | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "diag-"));
    bundle = join(root, "bundle");
    mkdirSync(bundle);
  });

  afterEach(async () => {
    await server?.shutdown(1000);
    server = undefined;
    rmSync(root, { recursive: true, force: true });
  });

  /** A shim that answers, at the address its bundle names. */
  async function serve(guestStacks = "goroutine 1"): Promise<void> {
    server = new Server();
    server.register(Diag, {
      Report: () => ({ json: JSON.stringify(REPORT) }),
      Timeline: () => ({ json: "[]" }),
      Agent: () => ({ json: "{}" }),
      Boundary: () => ({ json: "{}" }),
    });
    server.register(ShimDiag, {
      DiagStacks: () => ({ stacks: "process 77", guestStacks }),
      DiagTasks: () => ({}),
      DiagExecInHost: () => ({}),
      DiagShare: () => ({}),
      DiagPid: () => ({}),
    });
    await server.listen({ path: join(root, "s") });
    writeFileSync(join(bundle, "address"), `unix://${join(root, "s")}`);
  }

  function run(command: typeof diag, flags: Record<string, string | boolean> = {}): Promise<CommandOutcome> {
    const own = new Map([["state_directory", join(root, "state")]]);
    const given = { namespace: "k8s.io", address: join(root, "containerd.sock"), bundle, ...flags };
    return runCommand(command, ["web"], given, new Options({ values: own, warnings: [] }));
  }

  it("shows processes, VM, holdings, phases and events as tables", async () => {
    await serve();
    const { output } = await run(diag);
    for (const line of [
      /^shim of k8s\.io\/pod: process 77, backend emulator$/m,
      /^pod pod: VM pod@vm is running$/m,
      /^web +5 +running$/m,
      /^web\/probe +6 +exited +3 +2025-01-02T03:04:05\.000Z$/m,
      /^web +mount +mount:\/r +\{"target":"\/r"\}$/m,
      /^2025-01-02T03:04:05\.000Z +web +kill +signal$/m,
      /^2025-01-02T03:04:05\.000Z +pod +create +vm-boot +12\.3 +ok$/m,
      /^2025-01-02T03:04:05\.000Z +TaskExit +web\/probe +6 +3$/m,
    ])
      assert.match(output, line);
    assert.doesNotMatch(output, /Owner/);
  });

  it("shows the document of the VM on request, and everything to programs", async () => {
    await serve();
    assert.match((await run(diag, { document: true })).output, /"Owner": "someone"/);
    assert.deepEqual(JSON.parse((await run(diag, { json: true })).output), REPORT);
  });

  it("shows the journal of a task whose shim does not answer", async () => {
    const place = { bundle, stateDirectory: join(root, "state"), namespace: "k8s.io", id: "web" };
    const journal = FileJournal.open(place);
    journal.hold({ kind: "vm", key: "vm:web@vm", data: { id: "web@vm" } });
    journal.started(9);
    journal.close();
    const { output } = await run(diag);
    assert.match(output, /init process 9 was started/);
    assert.match(output, /^ {2}vm {2}vm:web@vm {2}\{"id":"web@vm"\}$/m);
    rmSync(bundle, { recursive: true });
    const { held } = JSON.parse((await run(diag, { json: true })).output) as { held: object[] };
    assert.equal(held.length, 1, "the node's copy is found without the bundle");
  });

  it("says so when there is neither a shim nor a journal", async () => {
    await assert.rejects(run(diag), /cannot reach the shim of "web" .* it has left no journal at /);
  });

  it("stacks prints those of shim and guest, or that the guest does not answer", async () => {
    await serve("");
    assert.equal((await run(diagStacks)).output, "process 77\n\nguest:\n  no answer\n");
  });
});
