import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { chooseBoot } from "../../../../oci/documents/linux-boot.ts";
import { kernelCommandLine } from "../../../../oci/documents/linux-kernel-arguments.ts";
import { linuxVmOptions, type LinuxVmHost } from "../../../../oci/documents/linux-vm-options.ts";
import { linuxVmDocument } from "../../../../oci/documents/linux-vm.ts";
import { SpecError } from "../../../../oci/errors.ts";
import type { WindowsResources } from "../../../../oci/spec.ts";

interface TestHost extends LinuxVmHost {
  readonly bootDirectory: string;
  readonly bootFiles: readonly string[];
}

const HOST: TestHost = {
  build: 26100,
  logicalProcessors: 8,
  bootDirectory: "C:\\Program Files\\Linux Containers",
  bootFiles: ["kernel", "initrd.img"],
};
const VHD_HOST: TestHost = { ...HOST, bootFiles: ["kernel", "initrd.img", "rootfs.vhd"] };
const OLD_HOST: TestHost = { ...HOST, build: 17763 };
const SNP_HOST: TestHost = { ...HOST, bootFiles: ["kernel.vmgs", "rootfs.vhd"] };
const POLICY = {
  [`io.microsoft.virtualmachine.lcow.securitypolicy`]: "cGFja2FnZSBwb2xpY3kKYWxsb3cgPSB0cnVl",
};
const P = "io.microsoft.virtualmachine.";
const MEMORY = `${P}computetopology.memory.`;
const PROCESSOR = `${P}computetopology.processor.`;

function document(annotations: Record<string, string> = {}, resources: WindowsResources = {}, host = HOST) {
  const reader = new AnnotationReader(annotations);
  const options = linuxVmOptions(reader, resources, host, { level: "info", scrub: true });
  const boot = chooseBoot(options, { directory: host.bootDirectory, files: host.bootFiles });
  const start =
    boot.kind === "kernel"
      ? boot
      : {
          kind: boot.kind,
          guestState: `C:\\bundle\\${boot.boot.guestState}`,
          ...(boot.boot.verityDisk === undefined ? {} : { verityDisk: "C:\\bundle\\rootfs.vhd" }),
        };
  const made = linuxVmDocument({ owner: "${OWNER}", options, host, start });
  return { document: made, warnings: reader.warnings };
}

function virtualMachine(
  annotations: Record<string, string> = {},
  resources: WindowsResources = {},
  host = HOST,
) {
  const vm = document(annotations, resources, host).document.VirtualMachine;
  assert.ok(vm);
  return vm;
}

describe("linuxVmDocument", () => {
  it("rounds memory up to even", () => {
    assert.equal(virtualMachine({ [`${MEMORY}sizeinmb`]: "4097" }).ComputeTopology?.Memory?.SizeInMB, 4098);
  });

  it("takes memory and processors from the OCI resources where annotations are silent", () => {
    const { ComputeTopology } = virtualMachine({}, { memoryLimit: 2 * 1024 ** 3 + 5, cpuCount: 3 });
    assert.equal(ComputeTopology?.Memory?.SizeInMB, 2048);
    assert.equal(ComputeTopology?.Processor?.Count, 3);
  });

  it("gives a one-processor host one processor", () => {
    const { ComputeTopology } = virtualMachine({}, {}, { ...HOST, logicalProcessors: 1 });
    assert.equal(ComputeTopology?.Processor?.Count, 1);
  });

  it("clamps the processors but tells the kernel what was asked for", () => {
    const { ComputeTopology, Chipset } = virtualMachine({ [`${PROCESSOR}count`]: "12" });
    assert.equal(ComputeTopology?.Processor?.Count, 8);
    assert.match(Chipset?.LinuxKernelDirect?.KernelCmdLine ?? "", / nr_cpus=12 /);
  });

  it("has limits, weights and storage limits where they are set", () => {
    const vm = virtualMachine({
      [`${PROCESSOR}limit`]: "80000",
      [`${PROCESSOR}weight`]: "5000",
      [`${P}storageqos.iopsmaximum`]: "9",
      [`${P}storageqos.bandwidthmaximum`]: "8",
    });
    assert.deepEqual(vm.ComputeTopology?.Processor, { Count: 2, Limit: 80000, Weight: 5000 });
    assert.deepEqual(vm.StorageQoS, { IopsMaximum: 9, BandwidthMaximum: 8 });
  });

  it("backs memory physically, without overcommit and VPMem but with four SCSI controllers", () => {
    const vm = virtualMachine({
      [`${P}fullyphysicallybacked`]: "true",
      [`${MEMORY}allowovercommit`]: "true",
    });
    assert.equal(vm.ComputeTopology?.Memory?.AllowOvercommit, undefined);
    assert.equal(vm.Devices?.VirtualPMem, undefined);
    assert.equal(Object.keys(vm.Devices?.Scsi ?? {}).length, 4);
  });

  it("puts kernel options, PCI and clock into the command line", () => {
    const line = virtualMachine({
      [`${P}lcow.kernelbootoptions`]: "debug loglevel=7",
      [`${P}lcow.vpcienabled`]: "true",
      [`${P}lcow.timesync.disable`]: "true",
      "io.microsoft.container.processdumplocation": "/var/dumps",
    }).Chipset?.LinuxKernelDirect?.KernelCmdLine;
    assert.equal(
      line,
      " initcall_blacklist=virtio_vsock_init 8250_core.nr_uarts=0 panic=-1 quiet debug loglevel=7 nr_cpus=2 brd.rd_nr=0 pmtmr=0 --" +
        " -e 1 /bin/vsockexec -e 109 /bin/gcs -v4 -log-format json -loglevel info -disable-time-sync -core-dump-location /var/dumps",
    );
  });

  it("names boot files with the separators of their directory", () => {
    const host = { ...HOST, bootDirectory: "/opt/boot", bootFiles: ["vmlinux", "initrd.img"] };
    const boot = virtualMachine({}, {}, host).Chipset?.LinuxKernelDirect;
    assert.equal(boot?.KernelFilePath, "/opt/boot/vmlinux");
    assert.equal(boot?.InitRdPath, "/opt/boot/initrd.img");
  });

  it("boots a root disk from VPMem device 0", () => {
    const { Chipset, Devices } = virtualMachine({}, {}, VHD_HOST);
    assert.equal(Chipset?.LinuxKernelDirect?.InitRdPath, undefined);
    assert.match(
      Chipset?.LinuxKernelDirect?.KernelCmdLine ?? "",
      /^root=\/dev\/pmem0 ro rootwait init=\/init initcall/,
    );
    assert.deepEqual(Devices?.VirtualPMem?.Devices, {
      "0": {
        HostPath: "C:\\Program Files\\Linux Containers\\rootfs.vhd",
        ReadOnly: true,
        ImageFormat: "Vhd1",
      },
    });
  });

  it("boots a root disk from SCSI where there is no VPMem", () => {
    const { Chipset, Devices } = virtualMachine(
      { [`${P}devices.virtualpmem.maximumcount`]: "0" },
      {},
      VHD_HOST,
    );
    assert.match(
      Chipset?.LinuxKernelDirect?.KernelCmdLine ?? "",
      /^root=\/dev\/sda ro rootwait init=\/init /,
    );
    assert.deepEqual(Devices?.Scsi?.["df6d0690-79e5-55b6-a5ec-c1e2f77f580a"]?.Attachments?.["0"], {
      Type: "VirtualDisk",
      Path: "C:\\Program Files\\Linux Containers\\rootfs.vhd",
      ReadOnly: true,
    });
  });

  it("tells the kernel how to verify a root disk on SCSI", () => {
    const line = virtualMachine(
      {
        [`${P}devices.virtualpmem.maximumcount`]: "0",
        [`${P}lcow.dmverity-mode`]: "true",
        [`${P}lcow.dmverity-create-args`]: "0 1 verity",
      },
      {},
      VHD_HOST,
    ).Chipset?.LinuxKernelDirect?.KernelCmdLine;
    assert.match(line ?? "", /^root=\/dev\/dm-0 dm-mod\.create="0 1 verity" init=\/init /);
  });

  it("prefers the root file system that is asked for", () => {
    const annotations = { [`${P}lcow.preferredrootfstype`]: "initrd" };
    const boot = virtualMachine(annotations, {}, VHD_HOST).Chipset?.LinuxKernelDirect;
    assert.equal(boot?.InitRdPath, "C:\\Program Files\\Linux Containers\\initrd.img");
  });

  for (const [what, annotations, host] of [
    ["on a build that cannot start kernels", {}, OLD_HOST],
    ["where the annotation says so", { [`${P}lcow.kerneldirectboot`]: "false" }, HOST],
  ] as const) {
    it(`boots through UEFI ${what}`, () => {
      const { Chipset } = virtualMachine(
        annotations,
        {},
        { ...host, bootFiles: [...HOST.bootFiles, "vmlinux"] },
      );
      assert.equal(Chipset?.LinuxKernelDirect, undefined);
      const { OptionalData, ...entry } = Chipset?.Uefi?.BootThis ?? {};
      assert.deepEqual(entry, {
        DeviceType: "VmbFs",
        DevicePath: "\\kernel",
        VmbFsRootPath: "C:\\Program Files\\Linux Containers",
      });
      assert.match(OptionalData ?? "", /^initrd=\/initrd\.img initcall_blacklist/);
    });
  }

  it("has a console on a pipe, with a shell, instead of ending with its kernel", () => {
    const { Chipset, Devices } = virtualMachine({ [`${P}console.pipe`]: "\\\\.\\pipe\\con" });
    assert.deepEqual(Devices?.ComPorts, { "0": { NamedPipe: "\\\\.\\pipe\\con" } });
    const line = Chipset?.LinuxKernelDirect?.KernelCmdLine ?? "";
    assert.match(line, / 8250_core\.nr_uarts=1 8250_core\.skip_txen_test=1 console=ttyS0,115200 pci=off /);
    assert.match(line, / -e 1 sh -c "\/bin\/vsockexec .* -loglevel info & exec sh"$/);
  });

  it("has a console that is read alone, without a shell, and ends with its kernel, which is not quiet", () => {
    const read = linuxVmOptions(new AnnotationReader({}), {}, HOST, { level: "info", scrub: true });
    const options = { ...read, consolePipe: "p", consoleIsLog: true };
    const boot = chooseBoot(options, { directory: HOST.bootDirectory, files: HOST.bootFiles });
    assert.equal(boot.kind, "kernel");
    const line = boot.kind === "kernel" ? kernelCommandLine(options, boot.boot) : "";
    assert.match(line, / console=ttyS0,115200 panic=-1 pci=off /);
    assert.match(line, / -- -e 1 \/bin\/vsockexec .* -loglevel info$/);
  });

  it("lets init write to a root disk, never to an initrd", () => {
    const annotations = { [`${P}lcow.writable-overlay-directories`]: "true" };
    const line = (host: TestHost): string =>
      virtualMachine(annotations, {}, host).Chipset?.LinuxKernelDirect?.KernelCmdLine ?? "";
    assert.match(line(VHD_HOST), / -- -e 1 -w \/bin\/vsockexec /);
    assert.match(line(HOST), / -- -e 1 \/bin\/vsockexec /);
  });

  it("has placement, MMIO and sockets as annotations say", () => {
    const vm = virtualMachine({
      [`${P}cpugroup.id`]: "FA22A12C-36B3-486D-A3E9-BC526C2B450B",
      [`${MEMORY}lowmmiogapinmb`]: "18446744073709551615",
      [`${P}hv-socket.service-table.0B52781F-b24d-4b32-a0b0-1d3c0c52aaaa`]:
        '{"AllowWildcardBinds":true,"Disabled":false}',
    });
    assert.equal(vm.ComputeTopology?.Processor?.CpuGroup?.Id, "FA22A12C-36B3-486D-A3E9-BC526C2B450B");
    assert.equal(vm.ComputeTopology?.Memory?.LowMmioGapInMB, 18446744073709551615n);
    assert.deepEqual(vm.Devices?.HvSocket?.HvSocketConfig.ServiceTable, {
      "0b52781f-b24d-4b32-a0b0-1d3c0c52aaaa": { AllowWildcardBinds: true },
    });
    const partition = { [`${P}resource-partition-id`]: "FA22A12C-36B3-486D-A3E9-BC526C2B450B" };
    assert.equal(virtualMachine(partition).ResourcePartitionId, "fa22a12c-36b3-486d-a3e9-bc526c2b450b");
  });

  it("has virtual NUMA nodes and says where their table comes from", () => {
    const vm = virtualMachine({
      [`${MEMORY}allowovercommit`]: "false",
      [`${PROCESSOR}numa.max-processors-per-node`]: "4",
      [`${PROCESSOR}numa.max-size-per-node`]: "512",
    });
    assert.deepEqual(vm.ComputeTopology?.Numa, { MaxSizePerNode: 512 });
    assert.equal(vm.ComputeTopology?.Memory?.SlitType, "FirmwareFallbackMeasured");
    assert.deepEqual(vm.ComputeTopology?.Processor?.NumaProcessorsSettings, { count_per_node: { max: 4 } });
  });
});

describe("linuxVmDocument of a confidential VM", () => {
  it("boots a guest state and a verified disk of its own, with its policy's hash as launch data", () => {
    const { document: built } = document({ ...POLICY, [`${P}lcow.hcl-enabled`]: "false" }, {}, SNP_HOST);
    assert.deepEqual(built.SchemaVersion, { Major: 2, Minor: 5 });
    const vm = built.VirtualMachine;
    assert.deepEqual(vm?.Chipset, {
      Uefi: {
        ApplySecureBootTemplate: "Apply",
        SecureBootTemplateId: "1734c6e8-3154-4dda-ba5f-a874cc483422",
      },
    });
    assert.deepEqual(vm?.GuestState, {
      GuestStateFilePath: "C:\\bundle\\kernel.vmgs",
      GuestStateFileType: "FileMode",
      ForceTransientState: true,
    });
    assert.deepEqual(vm?.SecuritySettings?.Isolation, {
      IsolationType: "SecureNestedPaging",
      LaunchData: "65HABaLkF3ayrWOrGgLKGK4zUXrKgmB2ZBGYbpCx3jM=",
      HclEnabled: false,
    });
    assert.equal(vm?.ComputeTopology?.Memory?.AllowOvercommit, undefined);
    assert.equal(vm?.Devices?.VirtualPMem, undefined);
    assert.equal(Object.keys(vm?.Devices?.Scsi ?? {}).length, 4);
  });

  it("opens the guest agent's ports and the extra ones", () => {
    const annotations = { ...POLICY, [`${P}lcow.extra-vsock-ports`]: "6000" };
    const table = virtualMachine(annotations, {}, SNP_HOST).Devices?.HvSocket?.HvSocketConfig.ServiceTable;
    assert.deepEqual(
      Object.keys(table ?? {}).map((id) => id.slice(0, 8)),
      ["00000001", "0000006d", "40000000", "40000001", "00001770"],
    );
  });

  it("is an ordinary VM with a policy where there is no security hardware", () => {
    const vm = virtualMachine({ ...POLICY, [`${P}no_security_hardware`]: "true" });
    assert.equal(vm.GuestState, undefined);
    assert.equal(vm.Devices?.VirtualPMem?.MaximumCount, 64);
  });

  it("has no verified disk when verification is off", () => {
    const annotations = { ...POLICY, [`${P}lcow.dmverity-mode`]: "false" };
    const { Devices } = virtualMachine(annotations, {}, { ...HOST, bootFiles: ["kernel.vmgs"] });
    assert.deepEqual(Devices?.Scsi?.["df6d0690-79e5-55b6-a5ec-c1e2f77f580a"], {});
  });
});

describe("linuxVmOptions", () => {
  it("warns about a value of the wrong type and uses the default", () => {
    const { document: built, warnings } = document({ [`${MEMORY}sizeinmb`]: "much" });
    assert.equal(built.VirtualMachine?.ComputeTopology?.Memory?.SizeInMB, 1024);
    assert.deepEqual(
      warnings.map(({ at, value }) => [at, value]),
      [[`annotation ${MEMORY}sizeinmb`, "much"]],
    );
  });

  it("encrypts scratch disks with a policy, unless told otherwise", () => {
    const encrypted = (annotations: Record<string, string>): boolean =>
      linuxVmOptions(new AnnotationReader(annotations), {}, HOST, { level: "info", scrub: true })
        .scratchEncrypted;
    const row = `${P}storage.scratch.encrypted`;
    assert.equal(encrypted({}), false);
    assert.equal(encrypted({ [row]: "true" }), true);
    assert.equal(encrypted(POLICY), true);
    assert.equal(encrypted({ ...POLICY, [row]: "false" }), false);
  });

  it("packs layers on VPMem devices from build 18362 on, unless told otherwise", () => {
    const packed = (build: number, annotations: Record<string, string> = {}): boolean => {
      const reader = new AnnotationReader(annotations);
      return linuxVmOptions(reader, {}, { ...HOST, build }, { level: "info", scrub: true }).vpmemMultiMapping;
    };
    assert.deepEqual([packed(18361), packed(18362)], [false, true]);
    assert.equal(packed(20348, { [`${P}lcow.vpmem.nomultimapping`]: "true" }), false);
  });

  it("tells the guest agent to log secrets where scrubbing is off", () => {
    const reader = new AnnotationReader({});
    const options = linuxVmOptions(reader, {}, HOST, { level: "debug", scrub: false });
    const boot = {
      directory: "C:\\",
      kernel: "kernel",
      rootfs: "initrd.img",
      rootfsType: "initrd" as const,
      kernelDirect: true,
    };
    assert.match(kernelCommandLine(options, boot), / -loglevel debug -scrub-logs=false$/);
  });

  it("knows arm64: no VPMem, a console of its own", () => {
    const host = { ...HOST, isArm64: true };
    const vm = virtualMachine({ [`${P}console.pipe`]: "p" }, {}, host);
    assert.equal(vm.Devices?.VirtualPMem, undefined);
    assert.match(vm.Chipset?.Uefi?.BootThis?.OptionalData ?? "", / console=ttyAMA0,115200 /);
  });

  const REFUSED: readonly (readonly [string, Record<string, string>, Partial<TestHost>?])[] = [
    [
      "deferred commit without overcommit",
      { [`${MEMORY}enabledeferredcommit`]: "true", [`${MEMORY}allowovercommit`]: "false" },
    ],
    ["too many VPMem devices", { [`${P}devices.virtualpmem.maximumcount`]: "129" }],
    ["a VPMem size that is not whole pages", { [`${P}devices.virtualpmem.maximumsizebytes`]: "4097" }],
    ["a negative processor count", { [`${PROCESSOR}count`]: "-1" }],
    ["cold discard on an old build", { [`${MEMORY}enablecolddiscardhint`]: "true" }, { build: 18362 }],
    ["direct kernel boot on a build without it", { [`${P}lcow.kerneldirectboot`]: "true" }, { build: 17763 }],
    ["VPMem on arm64", { [`${P}devices.virtualpmem.maximumcount`]: "1" }, { isArm64: true }],
    ["a CPU group on an old build", { [`${P}cpugroup.id`]: "g" }, { build: 19042 }],
    [
      "a CPU group in a resource partition",
      { [`${P}cpugroup.id`]: "g", [`${P}resource-partition-id`]: "fa22a12c-36b3-486d-a3e9-bc526c2b450b" },
    ],
    ["a resource partition that is no GUID", { [`${P}resource-partition-id`]: "seven" }],
    ["a guest state without a policy", { [`${P}lcow.gueststatefile`]: "kernel.vmgs" }],
    ["boot files without a kernel", {}, { bootFiles: ["initrd.img"] }],
    ["boot files without a root file system", {}, { bootFiles: ["kernel"] }],
    ["a root disk that is not there", { [`${P}lcow.preferredrootfstype`]: "vhd" }],
    ["a policy without a guest state file", POLICY, { bootFiles: ["rootfs.vhd"] }],
    ["a policy without a verified root disk", POLICY, { bootFiles: ["kernel.vmgs"] }],
    [
      "verification that nothing describes",
      { [`${P}devices.virtualpmem.maximumcount`]: "0", [`${P}lcow.dmverity-mode`]: "true" },
      { bootFiles: VHD_HOST.bootFiles },
    ],
  ];
  for (const [what, annotations, host] of REFUSED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => document(annotations, {}, { ...HOST, ...host }), SpecError);
    });
  }
});
