import assert from "node:assert/strict";
import type { TraceEntry } from "../../../../../hcs/scripted/recorder.ts";
import { WindowsVmContainers } from "../../../../../shim/pod/windows-vm/containers.ts";
import { Holdings } from "../../../../../shim/resources/holdings.ts";
import { blockCims, CONFIDENTIAL_FILES, CONFIDENTIAL_POLICY } from "../../../../support/confidential-pod.ts";
import { WindowsHost } from "../../../../support/windows-host.ts";

function holdings(): Holdings {
  const nothing = (): void => undefined;
  return new Holdings({ hold: nothing, strike: nothing, started: nothing, exited: nothing, close: nothing });
}

async function confidentialPod() {
  const host = await WindowsHost.create({ platform: { windowsBuild: 26_100 }, files: CONFIDENTIAL_FILES });
  const containers = new WindowsVmContainers(host.pod);
  const request = host.request(
    { annotations: CONFIDENTIAL_POLICY, windows: { hyperv: {} } },
    blockCims("c1"),
  );
  const phasesOf = (verb: string) => host.phases(verb);
  await containers.createSandbox(
    { ...request, identity: { role: "sandbox", podId: "c1" } },
    { holdings: host.holdings, phasesOf },
  );
  const workload = (id: string, spec: object = {}) =>
    containers.createWorkload(
      {
        ...host.request({ windows: { hyperv: {} }, ...spec }, blockCims(id)),
        id,
        identity: { role: "workload", podId: "c1" },
      },
      { holdings: holdings(), phasesOf },
    );
  return { host, workload };
}

/** Guest requests with their settings, volume ids made equal. */
function guestRequests(entries: readonly TraceEntry[]): unknown[] {
  const texts = entries.flatMap(({ body }) => {
    const request = (body as { Request?: object } | undefined)?.Request;
    return request === undefined ? [] : [JSON.stringify(request)];
  });
  return texts.map(
    (text) => JSON.parse(text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")) as unknown,
  );
}

describe("a confidential Windows pod", () => {
  it("is given its policy before anything else, and what its measurements are to be", async () => {
    const { host } = await confidentialPod();
    assert.deepEqual(guestRequests(host.recorder.entries).at(-1), {
      RequestType: "Add",
      ResourceType: "SecurityPolicy",
      Settings: {
        EncodedSecurityPolicy: Object.values(CONFIDENTIAL_POLICY)[0],
        EncodedUVMReference: Buffer.from("ref").toString("base64"),
      },
    });
    assert.ok(!host.calls.includes("GCS.ModifyServiceSettings"), "it does not forward its log");
  });

  it("has containers of block CIMs, the merged one first, on a scratch the guest formats", async () => {
    const { host, workload } = await confidentialPod();
    const before = host.recorder.entries.length;
    await workload("web");
    const attached = host.recorder.entries.slice(before).flatMap(({ request }) => {
      const { Settings } = (request ?? {}) as { Settings?: { Path?: string; ReadOnly?: boolean } };
      return Settings?.Path === undefined ? [] : [[Settings.Path, Settings.ReadOnly ?? false]];
    });
    assert.deepEqual(attached, [
      ["C:\\b\\merged.bcim", true],
      ["C:\\b\\top\\l.bcim", true],
      ["C:\\b\\base\\l.bcim", true],
      ["C:\\snap\\web\\sandbox.vhdx", false],
    ]);
    assert.deepEqual(guestRequests(host.recorder.entries.slice(before)), [
      {
        RequestType: "Add",
        ResourceType: "WCOWBlockCims",
        Settings: {
          BlockCIMs: [
            { CimName: "merged.cim", Lun: 3 },
            { CimName: "top.cim", Lun: 4 },
            { CimName: "base.cim", Lun: 5 },
          ],
          VolumeGUID: "ID",
          MountFlags: 32,
          ContainerID: "web",
        },
      },
      {
        RequestType: "Add",
        ResourceType: "MappedVirtualDiskForContainerScratch",
        Settings: { ContainerPath: "c:\\mounts\\scsi\\m0", Lun: 6 },
      },
      {
        RequestType: "Add",
        ResourceType: "CWCOWCombinedLayers",
        Settings: {
          ContainerID: "web",
          CombinedLayers: {
            ContainerRootPath: "c:\\mounts\\scsi\\m0",
            Layers: [{ Id: "ID", Path: "\\\\?\\Volume{ID}\\Files" }],
            FilterType: "UnionFS",
          },
        },
      },
    ]);
  });

  it("hands its guest the spec beside the document", async () => {
    const { host, workload } = await confidentialPod();
    await workload("web", { hostname: "web" });
    const document = host.recorder.documents.get("container-web.json") as Record<
      string,
      { Container?: unknown }
    >;
    assert.deepEqual(Object.keys(document), ["Spec", "CWCOWHostedSystem"]);
    assert.ok(document["CWCOWHostedSystem"]?.Container);
  });

  it("mounts an image once for all its containers, and takes it down with the last", async () => {
    const { host, workload } = await confidentialPod();
    const [web, db] = [await workload("web"), await workload("db")];
    const mounts = () =>
      guestRequests(host.recorder.entries)
        .map((request) => request as { RequestType: string; ResourceType: string })
        .filter(({ ResourceType }) => ResourceType === "WCOWBlockCims")
        .map(({ RequestType }) => RequestType);
    assert.deepEqual(mounts(), ["Add"]);
    await web.teardown(host.phases("exit"));
    assert.deepEqual(mounts(), ["Add"]);
    await db.teardown(host.phases("exit"));
    assert.deepEqual(mounts(), ["Add", "Remove"]);
  });

  it("runs no commands in its guest", async () => {
    const { host, workload } = await confidentialPod();
    await workload("web", { mounts: [{ source: "sandbox:///cache", destination: "C:\\cache" }] });
    assert.ok(!host.calls.includes("GCS.ExecuteProcess"));
  });

  it("keeps the disks of its VM where that is asked for", async () => {
    const annotations = {
      ...CONFIDENTIAL_POLICY,
      "io.microsoft.wcow.debug": "true",
      "io.microsoft.wcow.debug_data_path": "D:\\debug",
    };
    const host = await WindowsHost.create({
      platform: { windowsBuild: 26_100 },
      files: [...CONFIDENTIAL_FILES, { path: "C:\\snap\\c1\\sandbox.vhdx", size: 1 }],
    });
    const containers = new WindowsVmContainers(host.pod);
    const request = host.request({ annotations, windows: { hyperv: {} } }, blockCims("c1"));
    const sandbox = await containers.createSandbox(
      { ...request, identity: { role: "sandbox", podId: "c1" } },
      { holdings: host.holdings, phasesOf: (verb) => host.phases(verb) },
    );
    await sandbox.teardown(host.phases("exit"));
    for (const name of ["c1@vm_sandbox.vhdx", "c1@vm_boot.vhd"])
      assert.ok(await host.backend.files.stat(`D:\\debug\\${name}`), name);
    assert.deepEqual(host.reports, []);
  });

  it("refuses images that are not made of block CIMs", async () => {
    const host = await WindowsHost.create({ platform: { windowsBuild: 26_100 }, files: CONFIDENTIAL_FILES });
    const containers = new WindowsVmContainers(host.pod);
    const request = host.request({ annotations: CONFIDENTIAL_POLICY, windows: { hyperv: {} } });
    const context = { holdings: host.holdings, phasesOf: (verb: string) => host.phases(verb) };
    await assert.rejects(containers.createSandbox(request, context), /must be BlockCIM/);
  });
});
