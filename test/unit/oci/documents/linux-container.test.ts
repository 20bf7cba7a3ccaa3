import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import {
  linuxContainerDocument,
  type LinuxContainerDocument,
  type LinuxContainerInputs,
} from "../../../../oci/documents/linux-container.ts";
import { parseSpec, readSpec, type Spec } from "../../../../oci/spec.ts";

function document(spec: Spec, more: Partial<LinuxContainerInputs> = {}, id = "c1"): LinuxContainerDocument {
  const scratchPath = `/run/gcs/c/${id}/scratch/${id}`;
  const reader = new AnnotationReader(spec.annotations);
  return linuxContainerDocument({ id, spec, reader, mounts: new Map(), scratchPath, ...more });
}

describe("linuxContainerDocument", () => {
  it("replaces the path of the pod's network namespace by its id", () => {
    const spec = readSpec({
      linux: {
        namespaces: [
          { type: "network", path: "/run/netns/x" },
          { type: "ipc", path: "/i" },
        ],
      },
    });
    const { OciSpecification } = document(spec, { networkNamespace: "guid" });
    assert.deepEqual(OciSpecification["linux"], {
      namespaces: [{ type: "network" }, { type: "ipc", path: "/i" }],
    });
    assert.deepEqual(OciSpecification["windows"], {
      layerFolders: null,
      network: { networkNamespace: "guid" },
    });
  });

  it("keeps the namespace paths of a workload, which are the guest's", () => {
    const spec = readSpec({ linux: { namespaces: [{ type: "network", path: "/proc/30/ns/net" }] } });
    const { OciSpecification } = document(spec);
    assert.deepEqual(OciSpecification["linux"], {
      namespaces: [{ type: "network", path: "/proc/30/ns/net" }],
    });
  });

  it("drops what belongs to the host and gives zero CPU values their meaning", () => {
    const spec = readSpec({
      hooks: { prestart: [] },
      linux: {
        cgroupsPath: "/x",
        resources: {
          devices: [],
          pids: { limit: 5 },
          blockIO: {},
          hugepageLimits: [],
          network: {},
          cpu: { quota: 0, period: 0, shares: 2 },
          memory: { limit: 7 },
        },
      },
    });
    const { OciSpecification } = document(spec);
    assert.deepEqual(OciSpecification["linux"], {
      resources: { cpu: { quota: -1, period: 100000, shares: 2 }, memory: { limit: 7 } },
    });
    assert.equal(OciSpecification["hooks"], undefined);
  });

  it("drops seccomp for a privileged container alone", () => {
    const spec = (value: string): Spec =>
      readSpec({
        annotations: { "io.microsoft.virtualmachine.lcow.privileged": value },
        linux: { seccomp: { defaultAction: "SCMP_ACT_ERRNO" } },
      });
    assert.deepEqual(document(spec("true")).OciSpecification["linux"], {});
    assert.deepEqual(document(spec("false")).OciSpecification["linux"], {
      seccomp: { defaultAction: "SCMP_ACT_ERRNO" },
    });
  });

  it("has mounts as the guest is to make them", () => {
    const spec = readSpec({
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/disk", type: "virtual-disk", source: "C:\\d.vhdx", options: ["ro"] },
      ],
    });
    const mounts = new Map([[1, { source: "/run/mounts/scsi/m0", type: "none" }]]);
    assert.deepEqual(document(spec, { mounts }).OciSpecification["mounts"], [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/disk", type: "none", source: "/run/mounts/scsi/m0", options: ["ro"] },
    ]);
  });

  it("names devices by the ids that the guest knows", () => {
    const spec = readSpec({ windows: { devices: [{ id: "PCI\\X\\0", idType: "gpu" }] } });
    const devices = [{ vmBusId: "guid", idType: "gpu" }];
    assert.deepEqual(document(spec, { devices }).OciSpecification["windows"], {
      layerFolders: null,
      devices: [{ id: "guid", idType: "gpu" }],
    });
    assert.equal(document(spec).OciSpecification["windows"], undefined);
  });

  it("leaves out what says nothing, and nothing else", () => {
    const spec = readSpec({
      hostname: "",
      annotations: {},
      process: {
        terminal: false,
        args: [],
        user: { uid: 0, gid: 0, additionalGids: [] },
        oomScoreAdj: 0,
        capabilities: { bounding: [], effective: ["CAP_KILL"] },
      },
      mounts: [{ destination: "/x", type: "", source: "", options: [] }],
      linux: {
        sysctl: {},
        maskedPaths: [],
        namespaces: [{ type: "pid", path: "" }],
        resources: { memory: { disableOOMKiller: false } },
        seccomp: { syscalls: [{ args: [{ index: 0, value: 0 }] }] },
      },
    });
    const { OciSpecification } = document(spec);
    assert.deepEqual(OciSpecification, {
      process: {
        user: { uid: 0, gid: 0 },
        oomScoreAdj: 0,
        capabilities: { effective: ["CAP_KILL"] },
      },
      root: { path: "/run/gcs/c/c1/rootfs" },
      mounts: [{ destination: "/x" }],
      linux: {
        namespaces: [{ type: "pid" }],
        resources: { memory: { disableOOMKiller: false } },
        seccomp: { syscalls: [{ args: [{ index: 0, value: 0 }] }] },
      },
    });
  });

  it("does not change the spec it was given", () => {
    const text = JSON.stringify({
      process: { args: ["sh"], env: ["A=1"], user: { uid: 1 } },
      linux: { cgroupsPath: "/x", resources: { pids: { limit: 3 }, cpu: { period: 0 } } },
      windows: { network: { networkNamespace: "one" } },
      hooks: { prestart: [] },
    });
    const spec = parseSpec(text);
    document(spec, { networkNamespace: "other" });
    assert.deepEqual(spec.document, JSON.parse(text));
  });
});
