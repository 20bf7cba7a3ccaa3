import assert from "node:assert/strict";
import * as modify from "../../../../hcs/guest/modify.ts";
import type { GuestModifyRequest } from "../../../../hcs/guest/resources.ts";
import { readRecording } from "./recordings.ts";

/** Requests of the recordings, made again from settings with every zero member spelled out. */
const RECORDED: readonly (readonly [seq: number, request: GuestModifyRequest])[] = [
  [
    2,
    modify.addMappedVirtualDisk({
      MountPath: "/run/mounts/scsi/m0",
      Controller: 0,
      Lun: 1,
      Partition: 0,
      ReadOnly: true,
      Options: ["ro"],
      EnsureFilesystem: false,
    }),
  ],
  [64, modify.removeScsiDevice({ Controller: 0, Lun: 2 })],
  [
    66,
    modify.removeMappedVirtualDisk({
      MountPath: "/run/mounts/scsi/m0",
      Controller: 0,
      Lun: 1,
      ReadOnly: true,
      Options: ["ro"],
      Filesystem: "ext4",
    }),
  ],
  [
    60,
    modify.removeNetworkAdapter({
      NamespaceID: "b3c1e5aa-0d4f-4c53-9d5e-61f0b1a2c3d4",
      ID: "11f0aa22-33bb-44cc-55dd-66ee77ff8899",
    }),
  ],
  [
    6,
    modify.addNetworkAdapter({
      NamespaceID: "b3c1e5aa-0d4f-4c53-9d5e-61f0b1a2c3d4",
      ID: "11f0aa22-33bb-44cc-55dd-66ee77ff8899",
      MacAddress: "00-15-5D-01-02-03",
      DNSSuffix: "svc.cluster.local,cluster.local",
      DNSServerList: "10.0.0.10,10.0.0.11",
      EncapOverhead: 0,
      IPConfigs: [{ IPAddress: "10.244.3.7", PrefixLength: 24 }],
      Routes: [{ NextHop: "10.244.3.1", DestinationPrefix: "0.0.0.0/0", Metric: 0 }],
    }),
  ],
  [
    36,
    modify.updateContainerConstraints({
      Windows: {},
      Linux: { memory: { limit: 67108864 }, cpu: { shares: 512, quota: 20000, period: 100000 } },
    }),
  ],
];

const CONTAINER_ROOT = "C:\\c\\web";

/** Everything else, as the protocol describes it. */
const CASES: readonly (readonly [name: string, request: GuestModifyRequest, expected: object])[] = [
  [
    "addMappedDirectory",
    modify.addMappedDirectory({ MountPath: "/m", Port: 564, ShareName: "s", ReadOnly: false }),
    {
      RequestType: "Add",
      ResourceType: "MappedDirectory",
      Settings: { MountPath: "/m", Port: 564, ShareName: "s" },
    },
  ],
  [
    "removeMappedDirectory",
    modify.removeMappedDirectory({ MountPath: "/m", Port: 564, ShareName: "s", ReadOnly: true }),
    {
      RequestType: "Remove",
      ResourceType: "MappedDirectory",
      Settings: { MountPath: "/m", Port: 564, ShareName: "s", ReadOnly: true },
    },
  ],
  [
    "addVPMemDevice",
    modify.addVPMemDevice({
      DeviceNumber: 0,
      MountPath: "/run/layers/p0",
      MappingInfo: { DeviceOffsetInBytes: 0, DeviceSizeInBytes: 2n ** 60n },
    }),
    {
      RequestType: "Add",
      ResourceType: "VPMemDevice",
      Settings: { MountPath: "/run/layers/p0", MappingInfo: { DeviceSizeInBytes: 2n ** 60n } },
    },
  ],
  [
    "removeVPMemDevice",
    modify.removeVPMemDevice({ DeviceNumber: 3, MountPath: "/run/layers/p3" }),
    {
      RequestType: "Remove",
      ResourceType: "VPMemDevice",
      Settings: { DeviceNumber: 3, MountPath: "/run/layers/p3" },
    },
  ],
  [
    "addCombinedLayers",
    modify.addCombinedLayers({
      ContainerID: "web",
      ContainerRootPath: "/r",
      Layers: [{ Path: "/l" }],
      ScratchPath: "",
    }),
    {
      RequestType: "Add",
      ResourceType: "CombinedLayers",
      Settings: { ContainerID: "web", ContainerRootPath: "/r", Layers: [{ Path: "/l" }] },
    },
  ],
  [
    "removeCombinedLayers",
    modify.removeCombinedLayers("/r"),
    { RequestType: "Remove", ResourceType: "CombinedLayers", Settings: { ContainerRootPath: "/r" } },
  ],
  [
    "addVPCIDevice",
    modify.addVPCIDevice({ VMBusGUID: "g" }),
    { RequestType: "Add", ResourceType: "VPCIDevice", Settings: { VMBusGUID: "g" } },
  ],
  [
    "updatePodMemoryLimit",
    modify.updatePodMemoryLimit(),
    { RequestType: "Update", ResourceType: "PodCgroupMemoryLimit" },
  ],
  [
    "addSecurityPolicy",
    modify.addSecurityPolicy({
      EnforcerType: "rego",
      EncodedSecurityPolicy: "cA==",
      EncodedUVMReference: "",
    }),
    {
      RequestType: "Add",
      ResourceType: "SecurityPolicy",
      Settings: { EnforcerType: "rego", EncodedSecurityPolicy: "cA==" },
    },
  ],
  [
    "addSecurityPolicyFragment",
    modify.addSecurityPolicyFragment({ Fragment: "Zg==" }),
    { RequestType: "Add", ResourceType: "SecurityPolicyFragment", Settings: { Fragment: "Zg==" } },
  ],
  [
    "updateHvSocket",
    modify.updateHvSocket({ LocalAddress: "a", ParentAddress: "b" }),
    { RequestType: "Update", ResourceType: "HvSocket", Settings: { LocalAddress: "a", ParentAddress: "b" } },
  ],
  [
    "addWindowsMappedVirtualDisk",
    modify.addWindowsMappedVirtualDisk({ ContainerPath: CONTAINER_ROOT, Lun: 0 }),
    { RequestType: "Add", ResourceType: "MappedVirtualDisk", Settings: { ContainerPath: CONTAINER_ROOT } },
  ],
  [
    "removeWindowsMappedVirtualDisk",
    modify.removeWindowsMappedVirtualDisk({ ContainerPath: CONTAINER_ROOT, Lun: 3 }),
    {
      RequestType: "Remove",
      ResourceType: "MappedVirtualDisk",
      Settings: { ContainerPath: CONTAINER_ROOT, Lun: 3 },
    },
  ],
  [
    "addWindowsScratchDisk",
    modify.addWindowsScratchDisk({ ContainerPath: CONTAINER_ROOT, Lun: 3 }),
    {
      RequestType: "Add",
      ResourceType: "MappedVirtualDiskForContainerScratch",
      Settings: { ContainerPath: CONTAINER_ROOT, Lun: 3 },
    },
  ],
  [
    "addWindowsMappedDirectory",
    modify.addWindowsMappedDirectory({ HostPath: "h", ContainerPath: "c", ReadOnly: true }),
    {
      RequestType: "Add",
      ResourceType: "MappedDirectory",
      Settings: { HostPath: "h", ContainerPath: "c", ReadOnly: true },
    },
  ],
  [
    "addWindowsCombinedLayers with the default filter",
    modify.addWindowsCombinedLayers({
      ContainerRootPath: CONTAINER_ROOT,
      Layers: [{ Id: "i", Path: "p" }],
      FilterType: "WCIFS",
    }),
    {
      RequestType: "Add",
      ResourceType: "CombinedLayers",
      Settings: { ContainerRootPath: CONTAINER_ROOT, Layers: [{ Id: "i", Path: "p" }] },
    },
  ],
  [
    "addWindowsCombinedLayers with another filter",
    modify.addWindowsCombinedLayers({ ContainerRootPath: CONTAINER_ROOT, Layers: [], FilterType: "UnionFS" }),
    {
      RequestType: "Add",
      ResourceType: "CombinedLayers",
      Settings: { ContainerRootPath: CONTAINER_ROOT, FilterType: "UnionFS" },
    },
  ],
  [
    "addConfidentialCombinedLayers",
    modify.addConfidentialCombinedLayers({
      ContainerID: "web",
      CombinedLayers: { ContainerRootPath: CONTAINER_ROOT, FilterType: "WCIFS" },
    }),
    {
      RequestType: "Add",
      ResourceType: "CWCOWCombinedLayers",
      Settings: { ContainerID: "web", CombinedLayers: { ContainerRootPath: CONTAINER_ROOT } },
    },
  ],
  [
    "removeConfidentialCombinedLayers",
    modify.removeConfidentialCombinedLayers({ ContainerID: "web" }),
    { RequestType: "Remove", ResourceType: "CWCOWCombinedLayers", Settings: { ContainerID: "web" } },
  ],
  [
    "addBlockCims",
    modify.addBlockCims({
      BlockCIMs: [
        { CimName: "merged", Lun: 0 },
        { CimName: "base", Lun: 2 },
      ],
      VolumeGUID: "v",
      MountFlags: 0,
    }),
    {
      RequestType: "Add",
      ResourceType: "WCOWBlockCims",
      Settings: { BlockCIMs: [{ CimName: "merged" }, { CimName: "base", Lun: 2 }], VolumeGUID: "v" },
    },
  ],
  [
    "removeBlockCims",
    modify.removeBlockCims("v"),
    { RequestType: "Remove", ResourceType: "WCOWBlockCims", Settings: { VolumeGUID: "v" } },
  ],
  [
    "addNetworkNamespace",
    modify.addNetworkNamespace({ ID: "n", Resources: [] }),
    { RequestType: "Add", ResourceType: "NetworkNamespace", Settings: { ID: "n" } },
  ],
  [
    "removeNetworkNamespace",
    modify.removeNetworkNamespace({ ID: "n" }),
    { RequestType: "Remove", ResourceType: "NetworkNamespace", Settings: { ID: "n" } },
  ],
  [
    "preAddWindowsNetworkAdapter",
    modify.preAddWindowsNetworkAdapter("nic", { ID: "e" }),
    {
      RequestType: "Add",
      ResourceType: "Network",
      Settings: { AdapterId: "nic", RequestType: "PreAdd", Settings: { ID: "e" } },
    },
  ],
  [
    "addWindowsNetworkAdapter",
    modify.addWindowsNetworkAdapter("nic"),
    { RequestType: "Add", ResourceType: "Network", Settings: { AdapterId: "nic", RequestType: "Add" } },
  ],
  [
    "removeWindowsNetworkAdapter",
    modify.removeWindowsNetworkAdapter("nic"),
    { RequestType: "Remove", ResourceType: "Network", Settings: { AdapterId: "nic", RequestType: "Remove" } },
  ],
];

describe("guest resource requests", () => {
  const recording = readRecording("lcow-pod-lifecycle");

  for (const [seq, request] of RECORDED) {
    it(`equal the recorded frame ${seq}`, () => assert.deepEqual(request, recording[seq]!.body["Request"]));
  }

  for (const [name, request, expected] of CASES) {
    it(name, () => assert.deepEqual(request, expected));
  }

  it("are all listed here", () => {
    const tested = [...CASES.map(([name]) => name.split(" ")[0]), "addMappedVirtualDisk", "removeScsiDevice"];
    const recorded = [
      "removeMappedVirtualDisk",
      "removeNetworkAdapter",
      "addNetworkAdapter",
      "updateContainerConstraints",
    ];
    const functions = Object.entries(modify).filter(([, value]) => typeof value === "function");
    assert.deepEqual(new Set([...tested, ...recorded]), new Set(functions.map(([name]) => name)));
  });

  for (const address of [{ Controller: 4 }, { Controller: -1 }, { Lun: 64 }, { Lun: 1.5 }]) {
    it(`refuse SCSI address ${JSON.stringify(address)}, on which a guest would hang or crash`, () => {
      assert.throws(() => modify.addMappedVirtualDisk(address), RangeError);
      assert.throws(() => modify.removeMappedVirtualDisk(address), RangeError);
      assert.throws(() => modify.removeScsiDevice(address), RangeError);
    });
  }
});
