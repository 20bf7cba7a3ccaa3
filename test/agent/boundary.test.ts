/** Boundary levels on the emulator: what a VM is made of, what may be added, and that containers work all the same. */
import assert from "node:assert/strict";
import { ShimDiag } from "../../protos/gen/shim-diag.ts";
import { Diag } from "../../protos/gen/diag.ts";
import type { BoundaryReport } from "../../shim/service/boundary-report.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { AgentFixture } from "../support/agent-fixture.ts";

const LEVEL = "io.containerd.runhcs.boundary.level";

describe("a pod of boundary level strict", function () {
  this.timeout(60_000);
  let fixture: AgentFixture;

  before(async function () {
    if (emulatorObstacle() !== undefined) this.skip();
    fixture = await AgentFixture.create();
  });
  after(() => fixture?.close());

  const report = async (id: string): Promise<BoundaryReport> =>
    JSON.parse((await fixture.shim.client.call(Diag, "Boundary", { id })).json) as BoundaryReport;

  it("has no device for shares, none added, and works", async () => {
    const container = await fixture.startAndOpen("pod", { annotations: { [LEVEL]: "strict" } });
    const said: string[] = [];
    const result = await container.exec({
      argv: ["sh", "-c", "cat in.txt; echo made > /etc/made && cat /etc/made; echo back > $0", "/out/back"],
      source: fixture.makeDirectory("strict-in", { "in.txt": "sent\n" }),
      output: fixture.makeDirectory("strict-out"),
      onOutput: (_, bytes) => void said.push(Buffer.from(bytes).toString()),
    });
    assert.equal(result.exitCode, 0, said.join(""));
    assert.equal(said.join(""), "sent\nmade\n");
    assert.deepEqual(
      result.outputs.map(({ path }) => path),
      ["back"],
    );
    const seen = await report("pod");
    assert.deepEqual(seen.shares, []);
    assert.ok(!seen.devices.includes("Plan9") && !seen.devices.includes("VirtualSmb"), String(seen.devices));
    assert.ok(seen.disks.length >= 3, "root file system, scratch and agent are disks");
    assert.deepEqual(container.boundary, {
      isolation: "emulated",
      boundary: "partition+hvsocket",
      level: "strict",
      shares: 0,
      transport: "unix",
    });
  });

  it("lets nobody add a share afterwards", async () => {
    await assert.rejects(
      fixture.shim.client.call(ShimDiag, "DiagShare", {
        hostPath: fixture.makeDirectory("late"),
        uvmPath: "/run/late",
        readOnly: true,
      }),
      /"strict" does not let this into the VM: a directory of the host; use a disk .*late/,
    );
  });

  it("refuses a container with a mount of the host, naming it and what to do", async () => {
    const source = fixture.makeDirectory("data");
    await assert.rejects(
      fixture.start("refused", {
        annotations: { [LEVEL]: "strict" },
        mounts: [{ destination: "/data", type: "bind", source, options: ["rbind"] }],
      }),
      /invalid \/mounts\/3: .*"strict" shares no directory of the host: use a disk .*\/data/,
    );
  });

  it("can be the node's minimum, which annotations cannot weaken", async () => {
    const guarded = await AgentFixture.create({ "boundary.minimum": "strict" });
    try {
      await guarded.start("weak", { annotations: { [LEVEL]: "shared" } });
      const { json } = await guarded.shim.client.call(Diag, "Boundary", { id: "weak" });
      assert.equal((JSON.parse(json) as BoundaryReport).level, "strict");
    } finally {
      await guarded.close();
    }
  });
});

describe("a pod of boundary level no-data-smb", function () {
  this.timeout(60_000);
  let fixture: AgentFixture;

  before(async function () {
    if (emulatorObstacle() !== undefined) this.skip();
    fixture = await AgentFixture.create({ "boundary.level": "no-data-smb" });
  });
  after(() => fixture?.close());

  it("shares the agent's folder read-only, and nothing else", async () => {
    const container = await fixture.startAndOpen("pod");
    assert.equal((await container.exec({ argv: ["true"] })).exitCode, 0);
    const { json } = await fixture.shim.client.call(Diag, "Boundary", { id: "pod" });
    const { shares } = JSON.parse(json) as BoundaryReport;
    assert.equal(shares.length, 1);
    assert.ok(shares[0]!.readOnly && shares[0]!.path.includes("/agent/"), JSON.stringify(shares));
    await assert.rejects(
      fixture.shim.client.call(ShimDiag, "DiagShare", {
        hostPath: fixture.makeDirectory("late"),
        uvmPath: "/run/late",
        readOnly: true,
      }),
      /"no-data-smb" does not let this into the VM: a directory of the host with user data/,
    );
  });
});
