import assert from "node:assert/strict";
import type { RootfsMount } from "../../../../../hcs/api.ts";
import { cimVolumeId } from "../../../../../oci/windows/layer-id.ts";
import { HostContainer } from "../../../../../shim/pod/windows-host/container.ts";
import { ShimError } from "../../../../../shim/errors.ts";
import {
  leftBehind,
  VOLUME,
  WindowsHost,
  type WindowsHostOptions,
} from "../../../../support/windows-host.ts";

const NO_STREAMS = { stdin: false, stdout: false, stderr: false };
const CREDENTIALS = { windows: { credentialSpec: "{}", resources: { cpu: { affinity: [{ mask: 3 }] } } } };
const CIMS: RootfsMount = {
  type: "CimFS",
  source: "C:\\snap\\c1",
  target: "",
  options: ['parentLayerPaths=["C:\\\\l1"]', 'parentCimPaths=["C:\\\\l1.cim"]'],
};
const NOT_READY = 0x8007_0015;

async function create(host: WindowsHost, spec: object = {}, rootfs?: RootfsMount): Promise<HostContainer> {
  const { pod, holdings, backend } = host;
  const request = host.request(spec, rootfs);
  return HostContainer.create({ request, pod, layers: backend.layers, holdings }, host.phases("create"));
}

async function created(options: WindowsHostOptions = {}, spec: object = {}, rootfs?: RootfsMount) {
  const host = await WindowsHost.create(options);
  return { host, container: await create(host, spec, rootfs) };
}

describe("HostContainer", () => {
  it("acquires layers, credentials and system in this order, and releases them backwards", async () => {
    const { host, container } = await created({}, CREDENTIALS);
    assert.deepEqual(host.calls, [
      "ActivateLayer",
      "PrepareLayer",
      "GetLayerMountPath",
      "HcsModifyServiceSettings AddInstance",
      "HcsGetServiceProperties",
      "HcsCreateComputeSystem",
      "JobObject.Open",
      "JobObject.SetGroupAffinities",
      "JobObject.Close",
    ]);
    await container.teardown(host.phases("exit"));
    assert.deepEqual(host.calls.slice(9), [
      "HcsShutDownComputeSystem",
      "HcsCloseComputeSystem",
      "HcsModifyServiceSettings RemoveInstance",
      "UnprepareLayer",
      "DeactivateLayer",
    ]);
    assert.equal(host.held.size, 0);
  });

  it("has a network of its own where its spec asks for one and brings none, until it is gone", async () => {
    const { host, container } = await created({}, { windows: { network: {} } });
    const [own] = host.backend.network.made();
    assert.match(JSON.stringify([...host.recorder.documents]), new RegExp(`"Namespace":"${own}"`));
    await container.teardown(host.phases("exit"));
    assert.deepEqual(host.backend.network.made(), []);
  });

  it("mounts the uppermost CIM below a scratch that is only activated", async () => {
    const { host, container } = await created({}, {}, CIMS);
    const acquired = host.calls.length;
    assert.deepEqual(host.calls, [
      "CimMountImage",
      "ActivateLayer",
      "GetLayerMountPath",
      "HcsAttachOverlayFilter",
      "HcsCreateComputeSystem",
    ]);
    await container.teardown(host.phases("exit"));
    assert.deepEqual(host.calls.slice(acquired), [
      "HcsShutDownComputeSystem",
      "HcsCloseComputeSystem",
      "HcsDetachOverlayFilter",
      "DeactivateLayer",
      "CimDismountImage",
    ]);
  });

  it("mounts merged CIMs together", async () => {
    const rootfs: RootfsMount = {
      type: "BlockCIM",
      source: "C:\\snap\\c1",
      target: "",
      options: [
        'parentCimPaths=["C:\\\\a.bcim\\\\x.cim","C:\\\\b.bcim\\\\y.cim"]',
        "blockCIMType=file",
        "mergedCIMPath=C:\\m.bcim\\merged.cim",
      ],
    };
    const { host } = await created({ platform: { windowsBuild: 27766 } }, {}, rootfs);
    assert.deepEqual(host.recorder.entries[0], {
      call: "CimMergeMountImage",
      cims: ["C:\\m.bcim\\merged.cim", "C:\\a.bcim\\x.cim", "C:\\b.bcim\\y.cim"],
      flags: 0x20,
      volume: cimVolumeId("c1"),
    });
  });

  it("refuses CIMs on a build that cannot mount them, before anything is mounted", async () => {
    const host = await WindowsHost.create({ platform: { windowsBuild: 25398 } });
    await assert.rejects(create(host, {}, CIMS), /forked cims need Windows build 26100/);
    assert.deepEqual(host.calls, []);
  });

  it("makes the writable disk where the snapshotter has not", async () => {
    const { host } = await created({ files: [] });
    assert.deepEqual(host.calls.slice(0, 2), ["CreateSandboxLayer", "ActivateLayer"]);
  });

  it("mounts and releases nothing of a root its client has mounted", async () => {
    const { host, container } = await created({}, { root: { path: VOLUME } });
    await container.teardown(host.phases("exit"));
    assert.deepEqual(host.calls, [
      "HcsCreateComputeSystem",
      "HcsShutDownComputeSystem",
      "HcsCloseComputeSystem",
    ]);
  });

  describe("leaves nothing behind when it cannot be made because of", () => {
    const CALLS: readonly (readonly [string, object, RootfsMount | undefined])[] = [
      ["ActivateLayer", CREDENTIALS, undefined],
      ["PrepareLayer", CREDENTIALS, undefined],
      ["GetLayerMountPath", CREDENTIALS, undefined],
      ["HcsModifyServiceSettings", CREDENTIALS, undefined],
      ["HcsGetServiceProperties", CREDENTIALS, undefined],
      ["HcsCreateComputeSystem", CREDENTIALS, undefined],
      ["JobObject.Open", CREDENTIALS, undefined],
      ["JobObject.SetGroupAffinities", CREDENTIALS, undefined],
      ["CimMountImage", {}, CIMS],
      ["ActivateLayer", {}, CIMS],
      ["GetLayerMountPath", {}, CIMS],
      ["HcsAttachOverlayFilter", {}, CIMS],
      ["HcsCreateComputeSystem", {}, CIMS],
    ];
    for (const [call, spec, rootfs] of CALLS) {
      it(`${call}${rootfs === undefined ? "" : ", with CIMs"}`, async () => {
        const host = await WindowsHost.create({ failures: [{ call, hresult: 0x8007_001f, nth: 1 }] });
        await assert.rejects(create(host, spec, rootfs), { hresult: 0x8007_001f });
        await host.holdings.end(new AbortController().signal);
        const failed = call === "HcsModifyServiceSettings" ? `${call} AddInstance` : call;
        assert.deepEqual(leftBehind(host.calls, failed), []);
        assert.equal(host.held.size, 0);
      });
    }

    for (const [what, spec] of [
      ["two limits of processors", { windows: { resources: { cpu: { count: 1, shares: 1 } } } }],
      ["an affinity without processors", { windows: { resources: { cpu: { affinity: [{ mask: 0 }] } } } }],
      ["a mount whose source is not there", { mounts: [{ source: "C:\\none", destination: "C:\\x" }] }],
      ["a device for VMs", { windows: { devices: [{ id: "x", idType: "gpu" }] } }],
    ] as const) {
      it(what, async () => {
        const host = await WindowsHost.create();
        await assert.rejects(create(host, spec), { name: "SpecError" });
        await host.holdings.end(new AbortController().signal);
        assert.deepEqual(leftBehind(host.calls), []);
        assert.ok(!host.calls.includes("HcsCreateComputeSystem"));
      });
    }
  });

  it("asks again for a disk that is not ready yet", async () => {
    const failures = [{ call: "PrepareLayer", hresult: NOT_READY, nth: 1 }];
    const { host } = await created({ failures });
    assert.deepEqual(host.calls.slice(0, 5), [
      "ActivateLayer",
      "PrepareLayer",
      "DeactivateLayer",
      "ActivateLayer",
      "PrepareLayer",
    ]);
  });

  it("gives up on a disk after five times", async () => {
    const host = await WindowsHost.create({ failures: [{ call: "ActivateLayer", hresult: NOT_READY }] });
    await assert.rejects(create(host), { hresult: NOT_READY });
    assert.equal(host.calls.filter((call) => call === "ActivateLayer").length, 5);
  });

  it("keeps what could not be released, and tries it again", async () => {
    const failures = [{ call: "DeactivateLayer", hresult: 0x8007_0005, nth: 1 }];
    const { host, container } = await created({ failures });
    await assert.rejects(
      container.teardown(host.phases("exit")),
      (error: unknown) => error instanceof ShimError && error.code === "RELEASE_FAILED",
    );
    assert.deepEqual([...host.held], ["layer:C:\\snap\\c1"]);
    await host.holdings.end(new AbortController().signal);
    assert.equal(host.calls.filter((call) => call === "UnprepareLayer").length, 1);
    assert.equal(host.held.size, 0);
  });

  it("takes a layer that is gone already for released", async () => {
    const failures = [{ call: "UnprepareLayer", hresult: 0x8007_0002 }];
    const { host, container } = await created({ failures });
    await container.teardown(host.phases("exit"));
    assert.equal(host.held.size, 0);
  });

  it("terminates a container that refuses to shut down", async () => {
    const failures = [{ call: "HcsShutDownComputeSystem", hresult: 0x8037_0105 }];
    const { host, container } = await created({ failures });
    await container.teardown(host.phases("exit"));
    assert.ok(host.calls.includes("HcsTerminateComputeSystem"));
    assert.deepEqual(leftBehind(host.calls), []);
    assert.deepEqual(host.reports, ["a container does not shut down, it is terminated"]);
  });

  it("starts the system, then the process", async () => {
    const { host, container } = await created();
    const { processId } = await container.createInit(NO_STREAMS, host.phases("start"));
    assert.ok(processId > 0);
    assert.deepEqual(host.calls.slice(-2), ["HcsStartComputeSystem", "HcsCreateProcess"]);
  });

  it("kills over handles of its own, once", async () => {
    const { host, container } = await created();
    const process = await container.createInit(NO_STREAMS, host.phases("start"));
    const before = host.calls.length;
    assert.equal(await process.terminate(), "delivered");
    assert.equal(await process.terminate(), "delivered");
    assert.deepEqual(host.calls.slice(before), [
      "HcsOpenComputeSystem",
      "HcsOpenProcess",
      "HcsTerminateProcess",
      "HcsCloseComputeSystem",
    ]);
  });

  it("terminates the container when its process cannot be reached", async () => {
    const failures = [{ call: "HcsOpenComputeSystem", hresult: 0x8007_0005 }];
    const { host, container } = await created({ failures });
    const process = await container.createInit(NO_STREAMS, host.phases("start"));
    await process.terminate();
    assert.ok(host.calls.includes("HcsTerminateComputeSystem"));
  });

  it("takes a process that is ending for killed", async () => {
    const failures = [{ call: "HcsTerminateProcess", hresult: 0x8007_0005 }];
    const { host, container } = await created({ failures });
    const process = await container.createInit(NO_STREAMS, host.phases("start"));
    assert.equal(await process.terminate(), "delivered");
  });

  it("answers a signal at once, and reports that it was not delivered", async () => {
    const failures = [{ call: "HcsSignalProcess", hresult: 0x8007_001f }];
    const { host, container } = await created({ failures });
    const process = await container.createInit(NO_STREAMS, host.phases("start"));
    assert.equal(await process.signal("CtrlShutdown"), "delivered");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(host.reports, ["signal CtrlShutdown was not delivered"]);
  });

  it("can only terminate before build 17763", async () => {
    assert.equal((await created({ platform: { windowsBuild: 17134 } })).container.canSignal, false);
    assert.equal((await created()).container.canSignal, true);
  });
});
