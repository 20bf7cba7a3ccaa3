import assert from "node:assert/strict";
import type { RootfsMount } from "../../../../../hcs/api.ts";
import type { Platform, ScriptedFailure } from "../../../../../hcs/scripted/platform.ts";
import type { TraceEntry } from "../../../../../hcs/scripted/recorder.ts";
import { layerId } from "../../../../../oci/windows/layer-id.ts";
import type { CreateContext } from "../../../../../shim/pod/containers.ts";
import type { CreateRequest } from "../../../../../shim/pod/request.ts";
import { WindowsVmContainers } from "../../../../../shim/pod/windows-vm/containers.ts";
import { Holdings } from "../../../../../shim/resources/holdings.ts";
import type { TaskContainer } from "../../../../../shim/task/container.ts";
import { WindowsHost } from "../../../../support/windows-host.ts";

const NEVER = new AbortController().signal;
const NO_STREAMS = { stdin: false, stdout: false, stderr: false };
const REFUSED = 0x8007_001f;
const NAMESPACE = "7d3c0c52-90aa-4b1e-9c0b-3f1f2a7e0001";

const FILES = [
  { path: "C:\\snap\\1\\UtilityVM\\Files", dir: true },
  { path: "C:\\snap\\1\\UtilityVM\\SystemTemplate.vhdx", size: 4096 },
  { path: "C:\\snap\\web\\sandbox.vhdx", size: 4096 },
  { path: "C:\\snap\\db\\sandbox.vhdx", size: 4096 },
  { path: "C:\\data", dir: true },
  { path: "C:\\files\\a.txt", content: "a" },
  { path: "C:\\files\\b.txt", content: "b" },
  { path: "C:\\disks\\d.vhdx", size: 4096 },
  { path: "C:\\shim\\device-util.exe", content: "x" },
];
const PLATFORM: Partial<Platform> = {
  containerSystemGuids: { web: "c0c0c0c0-0000-4000-8000-000000000001" },
  guestExec: [{ match: "device-util.exe", stdout: "PCIROOT(0)\n", exit: 0 }],
  namespaces: [
    { id: NAMESPACE, namespaceId: 4, type: "", endpoints: ["7d3c0c52-90aa-4b1e-9c0b-3f1f2a7e0101"] },
  ],
  endpoints: [
    {
      ID: "7d3c0c52-90aa-4b1e-9c0b-3f1f2a7e0101",
      Name: "pod_eth0",
      HostComputeNamespace: NAMESPACE,
      MacAddress: "00-15-5D-0A-0B-0C",
    },
  ],
};
const NETWORK = { network: { networkNamespace: NAMESPACE } };

/** One of everything that a container can hold in its VM. */
const EVERYTHING = {
  mounts: [
    { source: "C:\\data", destination: "C:\\data" },
    { source: "C:\\files\\a.txt", destination: "C:\\a.txt", options: ["ro"] },
    { source: "C:\\files\\b.txt", destination: "C:\\b.txt", options: ["ro"] },
    { source: "\\\\.\\pipe\\host", destination: "\\\\.\\pipe\\guest" },
    { source: "sandbox:///cache", destination: "C:\\cache" },
    { source: "C:\\disks\\d.vhdx", destination: "C:\\disk", type: "virtual-disk" },
  ],
  windows: {
    hyperv: {},
    credentialSpec: "{}",
    devices: [{ id: "PCI\\VEN_1&DEV_2", idType: "vpci" }],
  },
};

interface PodOptions {
  readonly failures?: readonly ScriptedFailure[];
  readonly platform?: Partial<Platform>;
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
}

class TestPod {
  readonly host: WindowsHost;
  readonly containers: WindowsVmContainers;
  readonly sandbox: TaskContainer;

  private constructor(host: WindowsHost, containers: WindowsVmContainers, sandbox: TaskContainer) {
    this.host = host;
    this.containers = containers;
    this.sandbox = sandbox;
  }

  static async create({ failures, platform, spec, annotations = {} }: PodOptions = {}): Promise<TestPod> {
    const host = await WindowsHost.create({
      platform: { ...PLATFORM, ...platform },
      files: FILES,
      ...(failures === undefined ? {} : { failures }),
    });
    const containers = new WindowsVmContainers(host.pod);
    const request = host.request({ annotations, windows: { hyperv: {}, ...spec } });
    const sandbox = await containers.createSandbox(
      { ...request, identity: { role: "sandbox", podId: "c1" } },
      contextOf(host, host.holdings),
    );
    return new TestPod(host, containers, sandbox);
  }

  workload(spec: object = {}, holdings = forgetful(), id = "web"): Promise<TaskContainer> {
    return this.containers.createWorkload(
      workloadRequest(this.host, spec, id),
      contextOf(this.host, holdings),
    );
  }

  get entries(): readonly TraceEntry[] {
    return this.host.recorder.entries;
  }
}

function contextOf(host: WindowsHost, holdings: Holdings): CreateContext {
  return { holdings, phasesOf: (verb) => host.phases(verb) };
}

function forgetful(): Holdings {
  const nothing = (): void => undefined;
  return new Holdings({ hold: nothing, strike: nothing, started: nothing, exited: nothing, close: nothing });
}

function workloadRequest(host: WindowsHost, spec: object, id: string): CreateRequest {
  const rootfs: RootfsMount = {
    type: "windows-layer",
    source: `C:\\snap\\${id}`,
    target: "",
    options: ['parentLayerPaths=["C:\\\\snap\\\\2","C:\\\\snap\\\\1"]'],
  };
  return {
    ...host.request({ windows: { hyperv: {} }, ...spec }, rootfs),
    id,
    identity: { role: "workload", podId: "c1" },
  };
}

/** A call in few words: what, at which place, and what is done there. */
function brief({ call, request, body, containerId }: TraceEntry): string {
  const host = request as { RequestType?: string; ResourcePath?: string } | undefined;
  const guest = (body as { Request?: { RequestType?: string; ResourceType?: string } } | undefined)?.Request;
  if (host?.ResourcePath !== undefined)
    return `${host.RequestType ?? "Set"} ${host.ResourcePath.replace("VirtualMachine/", "").replace(/[0-9a-f-]{36}/, "…")}`;
  if (guest !== undefined) return `guest ${guest.RequestType} ${guest.ResourceType}`;
  const where = typeof containerId === "string" && !/^(0000.*)?$/.test(containerId) ? ` ${containerId}` : "";
  return `${call}${where}`;
}

/** Things that were added to the VM or its guest and not removed. Shares stay, mapped as they are. */
function leftInVm(entries: readonly TraceEntry[], failed: number): string[] {
  const held = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    if (index === failed) continue;
    const text = brief(entry);
    if (text.includes("VirtualSmb")) continue;
    const added = /^(guest )?(?:Add|PreAdd) (.*)$/.exec(text);
    const removed = /^(guest )?Remove (.*)$/.exec(text);
    if (added !== null) held.add(`${added[1] ?? ""}${added[2]}${placeOf(entry)}`);
    if (removed !== null) held.delete(`${removed[1] ?? ""}${removed[2]}${placeOf(entry)}`);
    if (entry.call === "HvSocketAddressInfo") held.add("address");
    if (entry.call === "HvSocketAddressInfoClose") held.delete("address");
    const operation = (entry["request"] as { Settings?: { Operation?: string } } | undefined)?.Settings
      ?.Operation;
    if (operation === "AddInstance") held.add("credentials");
    if (operation === "RemoveInstance") held.delete("credentials");
  }
  return [...held];
}

function placeOf({ body }: TraceEntry): string {
  const request = (body as { Request?: { Settings?: Record<string, unknown> } } | undefined)?.Request;
  const { ContainerPath, ContainerRootPath } = request?.Settings ?? {};
  return [ContainerPath, ContainerRootPath].filter((path) => typeof path === "string").join();
}

describe("WindowsVmContainers", () => {
  it("gives a pod's sandbox a VM and its network, and no container", async () => {
    const { entries } = await TestPod.create({ spec: NETWORK });
    assert.deepEqual(entries.map(brief), [
      "GrantVmAccess",
      "HcsGetServiceProperties",
      "HcsCreateComputeSystem",
      "HcsGetComputeSystemProperties",
      "HcsStartComputeSystem",
      "GCS.NegotiateProtocol",
      "GCS.Create",
      "GCS.Start",
      "guest Update HvSocket",
      "GCS.ModifyServiceSettings",
      "GCS.ModifyServiceSettings",
      "guest Add NetworkNamespace",
      "guest Add Network",
      "Add Devices/NetworkAdapters/…",
      "guest Add Network",
    ]);
  });

  it("takes the network out before it closes the VM", async () => {
    const pod = await TestPod.create({ spec: NETWORK });
    const before = pod.entries.length;
    await pod.sandbox.teardown(pod.host.phases("exit"));
    assert.deepEqual(pod.entries.slice(before).map(brief), [
      "guest Remove Network",
      "Remove Devices/NetworkAdapters/…",
      "guest Remove NetworkNamespace",
      "HcsTerminateComputeSystem",
      "HcsCloseComputeSystem",
    ]);
    assert.equal(pod.host.held.size, 0);
  });

  it("makes a network of its own for a pod that brings none, with the endpoints it lists", async () => {
    const endpointList = ["7d3c0c52-90aa-4b1e-9c0b-3f1f2a7e0101"];
    const pod = await TestPod.create({ spec: { network: { endpointList } } });
    const [own, ...others] = pod.host.backend.network.made();
    assert.deepEqual(others, []);
    assert.ok(pod.host.held.has(`own-namespace:${own}`));
    assert.deepEqual(pod.entries.slice(-4).map(brief), [
      "guest Add NetworkNamespace",
      "guest Add Network",
      "Add Devices/NetworkAdapters/…",
      "guest Add Network",
    ]);
    await pod.workload({ windows: { hyperv: {}, network: {} } });
    const documents = JSON.stringify([...pod.host.recorder.documents, ...pod.entries]);
    assert.match(documents, new RegExp(`"Networking":{[^}]*"Namespace":"${own}"`));
    await pod.sandbox.teardown(pod.host.phases("exit"));
    assert.deepEqual(pod.host.backend.network.made(), []);
    assert.equal(pod.host.held.size, 0);
  });

  it("leaves no network of its own behind when an endpoint of it does not exist", async () => {
    const host = await WindowsHost.create({ platform: PLATFORM, files: FILES });
    const request = host.request({ windows: { hyperv: {}, network: { endpointList: ["none"] } } });
    const sandbox = { ...request, identity: { role: "sandbox", podId: "c1" } } as const;
    const creation = new WindowsVmContainers(host.pod).createSandbox(sandbox, contextOf(host, host.holdings));
    await assert.rejects(creation, /none/);
    await host.holdings.end(new AbortController().signal);
    assert.deepEqual([host.backend.network.made(), [...host.held]], [[], []]);
  });

  it("shares a directory of the host with the VM itself", async () => {
    const pod = await TestPod.create();
    const before = pod.entries.length;
    const share = { hostPath: "C:\\data", guestPath: "C:\\shared", readOnly: true };
    await pod.containers.shareIntoVm(share, contextOf(pod.host, forgetful()));
    assert.deepEqual(pod.entries.slice(before).map(brief), [
      "Add Devices/VirtualSmb/Shares",
      "guest Add MappedDirectory",
    ]);
  });

  it("makes a workload of shares, disk and layers, and releases them backwards", async () => {
    const pod = await TestPod.create();
    const before = pod.entries.length;
    const web = await pod.workload();
    assert.deepEqual(pod.entries.slice(before).map(brief), [
      "Add Devices/VirtualSmb/Shares",
      "Add Devices/VirtualSmb/Shares",
      "GrantVmAccess",
      "Add Devices/Scsi/…/Attachments/1",
      "guest Add MappedVirtualDisk",
      "guest Add CombinedLayers",
      "GCS.Create web",
      "GCS.GetProperties web",
      "HvSocketAddressInfo",
    ]);
    const created = pod.entries.length;
    await web.teardown(pod.host.phases("exit"));
    assert.deepEqual(pod.entries.slice(created).map(brief), [
      "GCS.ShutdownGraceful web",
      "HvSocketAddressInfoClose",
      "guest Remove CombinedLayers",
      "guest Remove MappedVirtualDisk",
      "Remove Devices/Scsi/…/Attachments/1",
    ]);
  });

  it("releases everything a container can hold", async () => {
    const pod = await TestPod.create();
    const web = await pod.workload(EVERYTHING);
    await web.teardown(pod.host.phases("exit"));
    assert.deepEqual(leftInVm(pod.entries, -1), []);
  });

  it("shares layers among containers, and gives each a disk of its own", async () => {
    const pod = await TestPod.create();
    await pod.workload();
    const before = pod.entries.length;
    await pod.workload({}, forgetful(), "db");
    const calls = pod.entries.slice(before).map(brief);
    assert.ok(!calls.some((call) => call.includes("VirtualSmb")));
    assert.ok(calls.includes("Add Devices/Scsi/…/Attachments/2"));
  });

  it("installs kernel drivers before anything else, and again once devices are there", async () => {
    const pod = await TestPod.create();
    const annotations = { "io.microsoft.virtualmachine.kerneldrivers": "C:\\data" };
    await pod.workload({ annotations, windows: EVERYTHING.windows });
    const commands = pod.entries.flatMap(({ body }) => {
      const { Settings } = (body ?? {}) as {
        Settings?: { ProcessParameters?: { CommandLine?: string } };
      };
      const line = Settings?.ProcessParameters?.CommandLine;
      return line === undefined ? [] : [line.replace(/\{[0-9a-f-]{36}\}/g, "{…}")];
    });
    const vsmb = "\\\\?\\VMSMB\\VSMB-{…}\\";
    const install = `cmd /c C:\\Windows\\System32\\pnputil.exe /add-driver ${vsmb}s1\\*.inf /subdirs /install`;
    assert.deepEqual(
      commands.map((line) => (line.includes("device-util") ? "device-util" : line)),
      [install, "device-util", install],
    );
  });

  it("ends a container whose init process cannot be started", async () => {
    const failures = [{ call: "GCS.ExecuteProcess", match: "a.exe", hresult: REFUSED }];
    const pod = await TestPod.create({ failures });
    const web = await pod.workload();
    await assert.rejects(web.createInit(NO_STREAMS, pod.host.phases("start")), { hresult: REFUSED });
    assert.ok(pod.entries.map(brief).includes("GCS.ShutdownForced web"));
  });

  it("gives back a workload's holdings when its VM is gone, without asking it", async () => {
    const pod = await TestPod.create();
    const holdings = forgetful();
    const web = await pod.workload(EVERYTHING, holdings);
    pod.host.backend.computeSystems.crash("c1@vm");
    await pod.containers.uvm?.ended;
    const before = pod.entries.length;
    await web.teardown(pod.host.phases("exit"));
    assert.deepEqual(pod.entries.slice(before).map(brief), [
      "HvSocketAddressInfoClose",
      "HcsModifyServiceSettings",
    ]);
    assert.deepEqual(holdings.list(), []);
  });

  describe("leaves nothing of a workload behind, when the machine refuses", () => {
    for (const [name, count] of [
      ["HcsModifyComputeSystem", 11],
      ["GCS.ModifySettings", 3],
      ["GCS.ExecuteProcess", 2],
      ["HcsModifyServiceSettings", 1],
      ["GCS.Create", 1],
      ["GCS.GetProperties", 1],
    ] as const) {
      for (let nth = 1; nth <= count; nth++) {
        it(`${name}, call ${nth} of its creation`, async () => {
          const clean = await TestPod.create();
          const earlier = clean.entries.filter(({ call }) => call === name).length;
          const pod = await TestPod.create({
            failures: [{ call: name, hresult: REFUSED, nth: earlier + nth }],
          });
          const holdings = forgetful();
          await assert.rejects(pod.workload(EVERYTHING, holdings), { hresult: REFUSED });
          const failed = pod.entries.findIndex(
            (entry, index) =>
              entry.call === name &&
              pod.entries.slice(0, index + 1).filter(({ call }) => call === name).length === earlier + nth,
          );
          await holdings.end(NEVER);
          assert.deepEqual(leftInVm(pod.entries, failed), []);
          assert.deepEqual(holdings.list(), []);
          // What was given back can be had again.
          await pod.workload(EVERYTHING);
          assert.ok(pod.entries.map(brief).slice(failed).includes("Add Devices/Scsi/…/Attachments/1"));
        });
      }
    }
  });

  describe("closes the VM, when the sandbox cannot be made because of", () => {
    for (const call of [
      "HcsStartComputeSystem",
      "GCS.NegotiateProtocol",
      "GCS.Create",
      "GCS.ModifySettings",
    ]) {
      it(call, async () => {
        const host = await WindowsHost.create({
          platform: PLATFORM,
          files: FILES,
          failures: [{ call, hresult: REFUSED, nth: 1 }],
        });
        const containers = new WindowsVmContainers(host.pod);
        const request = host.request({ windows: { hyperv: {}, ...NETWORK } });
        await assert.rejects(containers.createSandbox(request, contextOf(host, host.holdings)));
        await host.holdings.end(NEVER);
        assert.equal(host.calls.filter((name) => name === "HcsCloseComputeSystem").length, 1);
        assert.equal(host.held.size, 0);
      });
    }
  });

  it("makes the disk of a snapshot that has none, before anything goes into the VM", async () => {
    const pod = await TestPod.create();
    const before = pod.entries.length;
    await pod.workload({}, forgetful(), "view");
    const [first, second] = pod.entries.slice(before);
    assert.deepEqual(first, {
      call: "CreateSandboxLayer",
      path: "C:\\snap\\view",
      layers: [
        { id: layerId("2"), path: "C:\\snap\\2" },
        { id: layerId("1"), path: "C:\\snap\\1" },
      ],
    });
    assert.equal(second && brief(second), "Add Devices/VirtualSmb/Shares");
  });

  it("takes a root that its client has put into the guest as it is, and gives nothing of it back", async () => {
    const pod = await TestPod.create();
    const before = pod.entries.length;
    const web = await pod.workload({ root: { path: "c:\\mounts\\mine" } });
    assert.deepEqual(pod.entries.slice(before).map(brief), [
      "GCS.Create web",
      "GCS.GetProperties web",
      "HvSocketAddressInfo",
    ]);
    const document = pod.host.recorder.documents.get("container-web.json") as {
      HostedSystem?: { Container?: { Storage?: unknown } };
      Container?: { Storage?: unknown };
    };
    assert.deepEqual((document.HostedSystem ?? document).Container?.Storage, {
      Path: "c:\\mounts\\mine",
      Layers: [
        { Id: layerId("2"), Path: "C:\\snap\\2" },
        { Id: layerId("1"), Path: "C:\\snap\\1" },
      ],
    });
    const created = pod.entries.length;
    await web.teardown(pod.host.phases("exit"));
    assert.deepEqual(pod.entries.slice(created).map(brief), [
      "GCS.ShutdownGraceful web",
      "HvSocketAddressInfoClose",
    ]);
  });

  it("tells what the VM uses by the pod's sandbox alone", async () => {
    const pod = await TestPod.create();
    const web = await pod.workload();
    const usage = await pod.sandbox.vmUsage?.(NEVER);
    assert.deepEqual(pod.entries.at(-1), {
      call: "HcsGetComputeSystemProperties",
      id: "c1@vm",
      query: { PropertyTypes: ["Statistics", "Memory"] },
    });
    assert.ok(Number(usage?.Statistics?.Processor?.TotalRuntime100ns) > 0);
    assert.ok(Number(usage?.Memory?.VirtualMachineMemory?.AssignedMemory) > 0);
    assert.ok(Number(usage?.workingSetBytes) > 0);
    assert.deepEqual(await pod.sandbox.properties(["Statistics"], NEVER), {});
    assert.equal(await web.vmUsage?.(NEVER), undefined);
    const { Statistics } = await web.properties(["Statistics"], NEVER);
    assert.ok(Number(Statistics?.Memory?.MemoryUsageCommitBytes) > 0);
  });

  it("goes on without the guest's log when it cannot be had", async () => {
    const pod = await TestPod.create({ failures: [{ call: "GCS.ModifyServiceSettings", hresult: REFUSED }] });
    assert.deepEqual(pod.host.reports, ["the guest does not forward its log"]);
    assert.equal(pod.containers.uvm?.isAlive, true);
  });

  describe("refuses", () => {
    for (const [what, spec] of [
      [
        "a mount type that VMs do not know",
        { mounts: [{ source: "C:\\data", destination: "C:\\x", type: "bind" }] },
      ],
      ["a source that is not there", { mounts: [{ source: "C:\\none", destination: "C:\\x" }] }],
      [
        "an extensible disk without a type",
        { mounts: [{ source: "evd://x", destination: "C:\\x", type: "extensible-virtual-disk" }] },
      ],
      [
        "a device that only the host can give",
        { windows: { hyperv: {}, devices: [{ id: "x", idType: "class" }] } },
      ],
    ] as const) {
      it(what, async () => {
        const pod = await TestPod.create();
        const holdings = forgetful();
        await assert.rejects(pod.workload(spec, holdings), { name: "SpecError" });
        await holdings.end(NEVER);
        assert.deepEqual(leftInVm(pod.entries, -1), []);
      });
    }

    it("writable shares where the pod forbids them", async () => {
      const key = "io.microsoft.virtualmachine.fileshares.disablewritable";
      const pod = await TestPod.create({ annotations: { [key]: "true" } });
      await assert.rejects(pod.workload({ mounts: [{ source: "C:\\data", destination: "C:\\x" }] }), {
        code: "SHARE_REFUSED",
      });
    });

    it("a pod whose image has no VM in it", async () => {
      const host = await WindowsHost.create({ platform: PLATFORM });
      const containers = new WindowsVmContainers(host.pod);
      const request = host.request({ windows: { hyperv: {} } });
      await assert.rejects(containers.createSandbox(request, contextOf(host, host.holdings)), /UtilityVM/);
      assert.deepEqual(host.calls, []);
    });
  });
});
