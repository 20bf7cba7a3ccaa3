import assert from "node:assert/strict";
import { ScriptedBackend } from "../../../../hcs/scripted/backend.ts";
import type { ScriptedFailure } from "../../../../hcs/scripted/platform.ts";
import { Recorder, type TraceEntry } from "../../../../hcs/scripted/recorder.ts";
import { reclaim, type ReclaimOutcome } from "../../../../shim/resources/reclaim.ts";
import type { Holding } from "../../../../shim/resources/journal.ts";
import { windowsReclaimers } from "../../../../shim/resources/windows-reclaimers.ts";

const CIM_VOLUME = "\\\\?\\Volume{11111111-2222-5333-8444-555555555555}\\";

const HELD: readonly Holding[] = [
  { kind: "credential-guard", key: "credential-guard:c1", data: { id: "c1" } },
  { kind: "cim", key: "cim:1", data: { volumePath: CIM_VOLUME } },
  { kind: "layer", key: "layer:1", data: { path: "C:\\snap\\c1", prepared: true } },
  { kind: "layer", key: "layer:2", data: { path: "C:\\snap\\c2", prepared: false } },
  { kind: "overlay", key: "overlay:1", data: { volumePath: "\\\\?\\Volume{1}" } },
  { kind: "mount-point", key: "mount-point:1", data: { directory: "C:\\C\\c1\\" } },
  { kind: "account", key: "account:u", data: { name: "u" } },
  { kind: "job", key: "job:c1", data: { name: "JobContainer_c1" } },
  { kind: "system", key: "system:c1", data: { id: "c1" } },
];

describe("windowsReclaimers", () => {
  let recorder: Recorder;
  let backend: ScriptedBackend;

  function hostThatFails(failures: readonly ScriptedFailure[] = []): void {
    recorder = new Recorder(failures);
    const platform = { windowsBuild: 20348, hostProcessors: 8, vmRuntimeId: "v" };
    backend = new ScriptedBackend(platform, [], recorder);
  }

  const release = (held: readonly Holding[], limitMs = 10_000): Promise<ReclaimOutcome> =>
    reclaim(held, windowsReclaimers(backend, AbortSignal.timeout(limitMs)));

  const calls = (): readonly TraceEntry[] => recorder.entries;

  it("release everything that a container on the host holds, newest first", async () => {
    hostThatFails();
    await backend.computeSystems.create("c1", { Owner: "test", Container: {} } as never);
    recorder.entries.length = 0;
    const { failed } = await release(HELD);
    assert.deepEqual(failed, []);
    assert.deepEqual(
      calls().map(({ call }) => call),
      [
        "HcsOpenComputeSystem",
        "HcsTerminateComputeSystem",
        "HcsCloseComputeSystem",
        "NetUserDel",
        "DeleteVolumeMountPoint",
        "HcsDetachOverlayFilter",
        "DeactivateLayer",
        "UnprepareLayer",
        "DeactivateLayer",
        "CimDismountImage",
        "HcsModifyServiceSettings",
      ],
    );
  });

  it("remove a network that was made for a container", async () => {
    hostThatFails();
    await backend.network.createNamespace("own", []);
    const { failed } = await release([
      { kind: "own-namespace", key: "own-namespace:own", data: { id: "own" } },
    ]);
    assert.deepEqual([failed, backend.network.made()], [[], []]);
  });

  it("take for released what somebody else has released", async () => {
    const gone = (call: string): ScriptedFailure => ({ call, hresult: 0x8007_0002 });
    hostThatFails(
      ["NetUserDel", "DeleteVolumeMountPoint", "HcsDetachOverlayFilter", "CimDismountImage"].map(gone),
    );
    const { failed, released } = await release(HELD.filter(({ kind }) => kind !== "layer"));
    assert.deepEqual(failed, []);
    assert.equal(released.length, HELD.length - 2);
  });

  it("say what could not be released, and go on", async () => {
    hostThatFails([{ call: "DeactivateLayer", hresult: 0x8007_0020 }]);
    const { failed } = await release(HELD.slice(0, 3));
    assert.deepEqual(
      failed.map(({ holding }) => holding.key),
      ["layer:1"],
    );
    assert.match(failed[0]?.message ?? "", /0x80070020/);
    assert.deepEqual(calls().at(-1)?.call, "HcsModifyServiceSettings");
  });

  it("do not wait for ever for a system that does not end", async () => {
    hostThatFails();
    const never = new Promise<never>(() => undefined);
    backend.computeSystems.open = async () =>
      ({ terminate: async () => undefined, exited: never, close: async () => undefined }) as never;
    const { failed } = await release(HELD.slice(-1), 50);
    assert.deepEqual(
      failed.map(({ holding }) => holding.key),
      ["system:c1"],
    );
  });
});
