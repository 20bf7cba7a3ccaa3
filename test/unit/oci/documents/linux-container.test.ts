import assert from "node:assert/strict";
import { hostMounts, linuxContainerDocument } from "../../../../oci/documents/linux-container.ts";
import { parseSpec, readSpec } from "../../../../oci/spec.ts";
import { readFixture, readJsonFixture } from "../../../support/fixture.ts";

const NO_MOUNTS: ReadonlyMap<number, string> = new Map();

describe("linuxContainerDocument", () => {
  for (const [id, kind] of [
    ["pod1", "sandbox"],
    ["c1", "workload"],
  ] as const) {
    it(`is the recorded document of a ${kind}`, () => {
      const spec = parseSpec(readFixture(`lcow-${kind}-spec.json`));
      const document = linuxContainerDocument({ id, spec, mountSources: NO_MOUNTS });
      assert.deepEqual(document, readJsonFixture(`lcow-${kind}-document.json`));
    });
  }

  it("replaces the path of the pod's network namespace by its id", () => {
    const spec = readSpec({
      linux: {
        namespaces: [
          { type: "network", path: "/run/netns/x" },
          { type: "ipc", path: "/i" },
        ],
      },
    });
    const { OciSpecification } = linuxContainerDocument({
      id: "a",
      spec,
      mountSources: NO_MOUNTS,
      networkNamespace: "guid",
    });
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
    const { OciSpecification } = linuxContainerDocument({ id: "a", spec, mountSources: NO_MOUNTS });
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
    const { OciSpecification } = linuxContainerDocument({ id: "a", spec, mountSources: NO_MOUNTS });
    assert.deepEqual(OciSpecification["linux"], {
      resources: { cpu: { quota: -1, period: 100000, shares: 2 }, memory: { limit: 7 } },
    });
    assert.equal(OciSpecification["hooks"], undefined);
  });

  it("does not change the spec it was given", () => {
    const text = readFixture("lcow-sandbox-spec.json");
    const spec = parseSpec(text);
    linuxContainerDocument({ id: "pod1", spec, mountSources: NO_MOUNTS, networkNamespace: "other" });
    assert.deepEqual(spec.document, JSON.parse(text));
  });
});

describe("hostMounts", () => {
  const spec = readSpec({
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/rw", type: "bind", source: "/host/rw", options: ["rbind"] },
      { destination: "/ro", type: "bind", source: "/host/ro", options: ["rbind", "ro"] },
      { destination: "/sb", type: "bind", source: "sandbox:///cache" },
      { destination: "/tmp", type: "bind", source: "sandbox-tmp:///x" },
      { destination: "/vm", type: "bind", source: "uvm:///run/x" },
      { destination: "/huge", type: "bind", source: "hugepages://2M/pool" },
      { destination: "/untyped", source: "/host/u", options: ["rbind"] },
    ],
  });

  it("are the bind mounts whose source is on the host, with their index", () => {
    assert.deepEqual(
      hostMounts(spec, "c1").map(({ index, source, readOnly, guestDirectory }) => [
        index,
        source,
        readOnly,
        guestDirectory,
      ]),
      [
        [1, "/host/rw", false, "/run/gcs/c/c1/mounts/m1"],
        [2, "/host/ro", true, "/run/gcs/c/c1/mounts/m2"],
        [7, "/host/u", false, "/run/gcs/c/c1/mounts/m7"],
      ],
    );
  });
});
