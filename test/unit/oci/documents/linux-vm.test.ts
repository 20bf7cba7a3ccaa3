import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { linuxVmDocument, linuxVmOptions, type LinuxVmHost } from "../../../../oci/documents/linux-vm.ts";
import { SpecError } from "../../../../oci/errors.ts";
import type { WindowsResources } from "../../../../oci/spec.ts";
import { readJsonFixture } from "../../../support/fixture.ts";

const HOST: LinuxVmHost = {
  build: 26100,
  logicalProcessors: 8,
  bootDirectory: "C:\\Program Files\\Linux Containers",
  bootFiles: ["kernel", "initrd.img"],
};
const P = "io.microsoft.virtualmachine.";
const MEMORY = `${P}computetopology.memory.`;
const PROCESSOR = `${P}computetopology.processor.`;

function document(annotations: Record<string, string> = {}, resources: WindowsResources = {}, host = HOST) {
  const reader = new AnnotationReader(annotations);
  const options = linuxVmOptions(reader, resources, host, "info");
  return { document: linuxVmDocument(options, host, "${OWNER}"), warnings: reader.warnings };
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
  it("is the recorded document of a pod without annotations", () => {
    assert.deepEqual(document().document, readJsonFixture("lcow-uvm-document.json"));
  });

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
    const host = { ...HOST, bootDirectory: "/opt/boot", bootFiles: ["vmlinux"] };
    const boot = virtualMachine({}, {}, host).Chipset?.LinuxKernelDirect;
    assert.equal(boot?.KernelFilePath, "/opt/boot/vmlinux");
    assert.equal(boot?.InitRdPath, undefined);
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

  const REFUSED: readonly (readonly [string, Record<string, string>, number?])[] = [
    [
      "deferred commit without overcommit",
      { [`${MEMORY}enabledeferredcommit`]: "true", [`${MEMORY}allowovercommit`]: "false" },
    ],
    ["too many VPMem devices", { [`${P}devices.virtualpmem.maximumcount`]: "129" }],
    ["a VPMem size that is not whole pages", { [`${P}devices.virtualpmem.maximumsizebytes`]: "4097" }],
    ["a negative processor count", { [`${PROCESSOR}count`]: "-1" }],
    ["cold discard on an old build", { [`${MEMORY}enablecolddiscardhint`]: "true" }, 18362],
    ["a build without direct kernel boot", {}, 17763],
  ];
  for (const [what, annotations, build] of REFUSED) {
    it(`refuses ${what}`, () => {
      const host = build === undefined ? HOST : { ...HOST, build };
      assert.throws(() => document(annotations, {}, host), SpecError);
    });
  }
});
