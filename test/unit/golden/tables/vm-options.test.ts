import assert from "node:assert/strict";
import type { Json } from "../../../../hcs/scripted/platform.ts";
import { vmOptionsRow } from "../../../golden/runner/tables/vm-options.ts";

const P = "io.microsoft.virtualmachine.";
const POLICY = { [`${P}lcow.securitypolicy`]: "cG9saWN5" };
const PARTITION = "0B5E1F4A-0000-4000-8000-00000000ABCD";
const BOOT_FILES = "C:\\Program Files\\Linux Containers";

/** Derived from the public list of fields and defaults of the reference, not recorded. */
const DEFAULTS: Json = {
  AdditionalHyperVConfig: {},
  AllowOvercommit: true,
  AssignedDevices: null,
  BootFilesPath: BOOT_FILES,
  BundleDirectory: "",
  CPUGroupID: "",
  ConsolePipe: "",
  DisableCompartmentNamespace: false,
  DisableTimeSyncService: false,
  DmVerityCreateArgs: "",
  DmVerityMode: false,
  DmVerityRootFsVhd: "",
  DumpDirectoryPath: "",
  EnableColdDiscardHint: false,
  EnableDeferredCommit: false,
  EnableGraphicsConsole: false,
  EnableScratchEncryption: false,
  ExecCommandLine: "/bin/gcs -v4 -log-format json -loglevel info",
  ExtraVSockPorts: null,
  ForwardStderr: true,
  ForwardStdout: false,
  FullyPhysicallyBacked: false,
  GuestStateFilePath: "",
  HclEnabled: null,
  HighMMIOBaseInMB: 0,
  HighMMIOGapInMB: 0,
  ID: "pod1@vm",
  KernelBootOptions: "",
  KernelDirect: true,
  KernelFile: "kernel",
  LowMMIOGapInMB: 0,
  MaxMemorySizePerNumaNode: 0,
  MaxProcessorsPerNumaNode: 0,
  MemorySizeInMB: 1024,
  NetworkConfigProxy: "",
  NoWritableFileShares: false,
  NumaMappedPhysicalNodes: null,
  NumaMemoryBlocksCounts: null,
  NumaProcessorCounts: null,
  Owner: "containerd-shim-runhcs-v1",
  PolicyBasedRouting: false,
  PreferredPhysicalNumaNodes: null,
  PreferredRootFSType: 0,
  ProcessDumpLocation: "",
  ProcessorCount: 2,
  ProcessorLimit: 0,
  ProcessorWeight: 0,
  ResourcePartitionID: null,
  RootFSFile: "initrd.img",
  SCSIControllerCount: 1,
  SecurityPolicy: "",
  SecurityPolicyEnabled: false,
  SecurityPolicyEnforcer: "",
  StorageQoSBandwidthMaximum: 0,
  StorageQoSIopsMaximum: 0,
  UVMHashEnvelopeReferenceInfoFile: "reference_info_hash_envelope.cose",
  UVMReferenceInfoFile: "reference_info.cose",
  UseGuestConnection: true,
  UseGuestStateFile: false,
  VPCIEnabled: false,
  VPMemDeviceCount: 64,
  VPMemNoMultiMapping: false,
  VPMemSizeBytes: 4_294_967_296,
  WritableOverlayDirs: false,
};

interface Host {
  readonly build?: number;
  readonly files?: readonly string[];
}

function answer(annotations: Record<string, string>, host: Host = {}, windows: Json = {}): Promise<Json> {
  const spec = { ociVersion: "1.1.0", annotations, linux: {}, windows: { hyperv: {}, ...windows } };
  return vmOptionsRow(
    { spec },
    {
      kind: "uvmoptions",
      platform: { windowsBuild: host.build ?? 20348, hostProcessors: 8, vmRuntimeId: "" },
      files: (host.files ?? []).map((path) => ({ path })),
    },
  );
}

describe("vmOptionsRow of Linux VMs", () => {
  it("names every option, and accepts the defaults", async () => {
    assert.deepEqual(await answer({}), {
      annotationsAfter: {},
      kind: "OptionsLCOW",
      options: DEFAULTS,
      verify: { ok: true },
    });
  });

  const CHANGED: readonly (readonly [what: string, given: Parameters<typeof answer>, differences: Json])[] = [
    [
      "counts and sizes",
      [
        {
          [`${P}computetopology.memory.sizeinmb`]: "3001",
          [`${P}computetopology.processor.count`]: "-3",
          [`${P}devices.virtualpmem.maximumcount`]: "0",
          [`${P}devices.virtualpmem.maximumsizebytes`]: "8192",
          [`${P}resource-partition-id`]: PARTITION,
        },
      ],
      {
        MemorySizeInMB: 3001,
        ProcessorCount: -3,
        VPMemDeviceCount: 0,
        VPMemSizeBytes: 8192,
        ResourcePartitionID: PARTITION.toLowerCase(),
      },
    ],
    [
      "switches",
      [
        {
          [`${P}lcow.vpcienabled`]: "1",
          [`${P}lcow.timesync.disable`]: "t",
          [`${P}lcow.vpmem.nomultimapping`]: "T",
          [`${P}lcow.hcl-enabled`]: "false",
          [`${P}lcow.writable-overlay-directories`]: "True",
          [`${P}lcow.network.policybasedrouting`]: "TRUE",
          [`${P}storage.scratch.encrypted`]: "true",
          [`${P}disablecompartmentnamespace`]: "true",
        },
      ],
      {
        VPCIEnabled: true,
        DisableTimeSyncService: true,
        VPMemNoMultiMapping: true,
        HclEnabled: false,
        WritableOverlayDirs: true,
        PolicyBasedRouting: true,
        EnableScratchEncryption: true,
      },
    ],
    [
      "texts and lists",
      [
        {
          [`${P}lcow.kernelbootoptions`]: "debug",
          [`${P}lcow.extra-exec-command-args`]: "-hello 1",
          [`${P}lcow.extra-vsock-ports`]: "1,2",
          [`${P}lcow.dmverity-create-args`]: "x",
          [`${P}lcow.uvm-reference-info-file`]: "",
          "io.microsoft.container.processdumplocation": "/dumps",
        },
      ],
      {
        KernelBootOptions: "debug",
        ExecCommandLine: "/bin/gcs -v4 -log-format json -loglevel info -hello 1",
        ExtraVSockPorts: [1, 2],
        DmVerityCreateArgs: "x",
        UVMReferenceInfoFile: "",
        ProcessDumpLocation: "/dumps",
      },
    ],
    [
      "full physical backing, which takes VPMem and overcommit",
      [{ [`${P}fullyphysicallybacked`]: "true" }],
      { AllowOvercommit: false, FullyPhysicallyBacked: true, VPMemDeviceCount: 0 },
    ],
    ["an old host", [{}, { build: 17763 }], { KernelDirect: false, VPMemNoMultiMapping: true }],
    [
      "boot files that are there",
      [{}, { files: [`${BOOT_FILES}\\vmlinux`, `${BOOT_FILES}\\rootfs.vhd`] }],
      { KernelFile: "vmlinux", RootFSFile: "rootfs.vhd", PreferredRootFSType: 1 },
    ],
    [
      "boot files of another directory, and how to boot",
      [
        {
          [`${P}bootfilesrootpath`]: "D:\\boot\\",
          [`${P}lcow.kerneldirectboot`]: "false",
          [`${P}lcow.preferredrootfstype`]: "initrd",
        },
        { files: ["D:\\boot\\vmlinux", "D:\\boot\\rootfs.vhd"] },
      ],
      { BootFilesPath: "D:\\boot", KernelDirect: false },
    ],
    [
      "a policy",
      [{ ...POLICY, [`${P}lcow.enforcer`]: "rego", [`${P}lcow.kernelbootoptions`]: "debug" }],
      {
        AllowOvercommit: false,
        DmVerityMode: true,
        DmVerityRootFsVhd: "rootfs.vhd",
        EnableScratchEncryption: true,
        GuestStateFilePath: "kernel.vmgs",
        PreferredRootFSType: 2,
        RootFSFile: "",
        SecurityPolicy: "cG9saWN5",
        SecurityPolicyEnabled: true,
        SecurityPolicyEnforcer: "rego",
        VPMemDeviceCount: 0,
      },
    ],
    [
      "a policy without hardware that enforces it",
      [{ ...POLICY, [`${P}no_security_hardware`]: "true" }],
      { EnableScratchEncryption: true, SecurityPolicy: "cG9saWN5", SecurityPolicyEnabled: true },
    ],
    [
      "devices that a VM can be given",
      [{}, {}, { devices: [{ id: "PCI\\X\\1", idType: "gpu" }] }],
      { AssignedDevices: [{}] },
    ],
    ["an empty list of devices", [{}, {}, { devices: [] }], { AssignedDevices: [] }],
  ];
  for (const [what, given, differences] of CHANGED) {
    it(`shows ${what}`, async () => {
      assert.deepEqual((await answer(...given))["options"], { ...DEFAULTS, ...differences });
    });
  }

  const REFUSED: readonly (readonly [what: string, Record<string, string>, build?: number])[] = [
    [
      "deferred commit without overcommit",
      {
        [`${P}computetopology.memory.enabledeferredcommit`]: "true",
        [`${P}fullyphysicallybacked`]: "true",
      },
    ],
    ["too many VPMem devices", { [`${P}devices.virtualpmem.maximumcount`]: "129" }],
    ["VPMem of odd sizes", { [`${P}devices.virtualpmem.maximumsizebytes`]: "4097" }],
    ["a partition and a CPU group", { [`${P}resource-partition-id`]: PARTITION, [`${P}cpugroup.id`]: "g" }],
    ["direct boot on an old host", { [`${P}lcow.kerneldirectboot`]: "true" }, 17763],
    [
      "cold discard hints on an old host",
      { [`${P}computetopology.memory.enablecolddiscardhint`]: "true" },
      18362,
    ],
  ];
  for (const [what, annotations, build] of REFUSED) {
    it(`refuses ${what} in the final check`, async () => {
      const { options, verify } = await answer(annotations, build === undefined ? {} : { build });
      assert.notEqual(options, undefined);
      assert.equal(typeof (verify as Json)["error"], "string");
    });
  }

  it("warns of values of the wrong type and keeps the defaults", async () => {
    const annotations = {
      [`${P}devices.virtualpmem.maximumcount`]: "-1",
      [`${P}no_security_hardware`]: "yes",
    };
    const { options, warnings, annotationsAfter } = await answer(annotations);
    assert.deepEqual([options, annotationsAfter], [DEFAULTS, annotations]);
    assert.deepEqual(warnings, [
      {
        kind: "annotation-unparsable",
        annotation: `${P}no_security_hardware`,
        value: "yes",
        expectedType: "bool",
      },
      {
        kind: "annotation-unparsable",
        annotation: `${P}devices.virtualpmem.maximumcount`,
        value: "-1",
        expectedType: "uint32",
      },
    ]);
  });

  it("needs no section for Windows", async () => {
    const platform = { windowsBuild: 20348, hostProcessors: 1, vmRuntimeId: "" };
    const row = { spec: { linux: {} }, options: { vmMemorySizeInMb: 3000 } };
    const { options } = await vmOptionsRow(row, { kind: "uvmoptions", platform });
    assert.deepEqual(options, { ...DEFAULTS, MemorySizeInMB: 3000, ProcessorCount: 1 });
  });
});
