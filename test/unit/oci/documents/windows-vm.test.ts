import assert from "node:assert/strict";
import type { VirtualMachine } from "../../../../hcs/schema/compute-system.ts";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { windowsVmDocument, type WindowsVmBoot } from "../../../../oci/documents/windows-vm.ts";
import { readWindowsVmOptions } from "../../../../oci/documents/windows-vm-options.ts";

const VM = "io.microsoft.virtualmachine.";
const BOOT: WindowsVmBoot = {
  kind: "vmbfs",
  osFiles: "C:\\base\\UtilityVM\\Files",
  scratch: "C:\\scratch\\vm\\sandbox.vhdx",
};
const CONFIDENTIAL_BOOT: WindowsVmBoot = {
  kind: "block-cim",
  scratch: "C:\\scratch\\sandbox.vhdx",
  efi: "C:\\boot\\boot.vhd",
  bootCim: "C:\\boot\\rootfs.vhd",
  guestState: "C:\\scratch\\cwcow.snp.vmgs",
  emptyDirectory: "C:\\bundle\\EmptyDoNotModify",
};
const POLICY = Buffer.from("allow").toString("base64");

function documentOf(annotations: Record<string, string> = {}, boot = BOOT) {
  const host = { build: 26_100, logicalProcessors: 8 };
  const options = readWindowsVmOptions(
    new AnnotationReader(annotations),
    {},
    { ...host, confidentialBootFiles: "C:\\boot" },
  );
  return windowsVmDocument({ id: "pod@vm", owner: "shim.exe", options, host, boot });
}

function machine(annotations: Record<string, string> = {}, boot = BOOT): VirtualMachine {
  return documentOf(annotations, boot).VirtualMachine ?? {};
}

describe("windowsVmDocument", () => {
  it("ends with its last handle, and has schema 2.1", () => {
    const { Owner, SchemaVersion, ShouldTerminateOnLastHandleClosed } = documentOf();
    assert.deepEqual(
      [Owner, SchemaVersion, ShouldTerminateOnLastHandleClosed],
      ["shim.exe", { Major: 2, Minor: 1 }, true],
    );
  });

  it("boots over VMBus from the share of its base layer, with its scratch as the first disk", () => {
    const { Chipset, Devices } = machine();
    assert.deepEqual(Chipset?.Uefi?.BootThis, {
      DevicePath: "\\EFI\\Microsoft\\Boot\\bootmgfw.efi",
      DeviceType: "VmbFs",
    });
    assert.equal(Devices?.VirtualSmb?.Shares?.[0]?.Path, BOOT.kind === "vmbfs" && BOOT.osFiles);
    const [controller] = Object.values(Devices?.Scsi ?? {});
    assert.deepEqual(controller, { Attachments: { "0": { Type: "VirtualDisk", Path: BOOT.scratch } } });
  });

  it("rounds memory up to an even size and gives no more processors than the host has", () => {
    const { ComputeTopology } = machine({
      [`${VM}computetopology.memory.sizeinmb`]: "3001",
      [`${VM}computetopology.processor.count`]: "99",
    });
    assert.deepEqual([ComputeTopology?.Memory?.SizeInMB, ComputeTopology?.Processor?.Count], [3002, 8]);
  });

  it("hints at hot memory only where memory can be given back", () => {
    assert.equal(machine().ComputeTopology?.Memory?.EnableHotHint, true);
    const backed = machine({ [`${VM}fullyphysicallybacked`]: "true" });
    assert.deepEqual(backed.ComputeTopology?.Memory, { SizeInMB: 1024 });
    assert.equal(backed.Devices?.VirtualSmb?.Shares?.[0]?.Options?.NoDirectmap, true);
  });

  it("has registry changes also when there are none", () => {
    assert.deepEqual(machine({ [`${VM}disablecompartmentnamespace`]: "true" }).RegistryChanges, {});
  });

  it("turns error reporting off in the VM when processes are to be dumped", () => {
    const { RegistryChanges } = machine({ "io.microsoft.container.processdumplocation": "C:\\dumps" });
    assert.deepEqual(
      RegistryChanges?.AddValues?.map(({ Name, DWordValue }) => [Name, DWordValue]),
      [
        ["Start", 2],
        ["Disabled", 1],
        ["EnableCompartmentNamespace", 1],
      ],
    );
  });

  it("names the files of a crash after the VM", () => {
    const { DebugOptions, Devices } = machine({ [`${VM}dump-directory-path`]: "C:\\crash\\" });
    assert.equal(DebugOptions?.BugcheckSavedStateFileName, "C:\\crash\\pod@vm-savedstate.vmrs");
    assert.deepEqual(Devices?.GuestCrashReporting?.WindowsCrashSettings, {
      DumpFileName: "C:\\crash\\pod@vm-windows-crash",
      DumpType: "Full",
    });
  });

  it("lets the guest's log service in only when the log is forwarded", () => {
    const table = (annotations: Record<string, string>) =>
      machine(annotations).Devices?.HvSocket?.HvSocketConfig.ServiceTable;
    assert.deepEqual(Object.keys(table({}) ?? {}), ["172dad59-976d-45f2-8b6c-6d1b13f2ac4d"]);
    assert.equal(table({ [`${VM}forwardlogs.enable`]: "false" }), undefined);
  });

  it("leaves limits out that nobody asked for, and says those that somebody did", () => {
    assert.deepEqual(machine().ComputeTopology?.Processor, { Count: 2 });
    const { ComputeTopology, StorageQoS, ResourcePartitionId } = machine({
      [`${VM}computetopology.processor.limit`]: "50000",
      [`${VM}storageqos.iopsmaximum`]: "700",
      [`${VM}resource-partition-id`]: "9A1D5B1E-0B5A-4B6F-9A0E-5C5C5C5C5C5D",
    });
    assert.equal(ComputeTopology?.Processor?.Limit, 50_000);
    assert.deepEqual(StorageQoS, { IopsMaximum: 700 });
    assert.equal(ResourcePartitionId, "9a1d5b1e-0b5a-4b6f-9a0e-5c5c5c5c5c5d");
  });

  describe("of a confidential pod", () => {
    const annotations = { [`${VM}wcow.securitypolicy`]: POLICY };

    it("is of newer schema and hardware, and isolated with the digest of its policy", () => {
      const document = documentOf(annotations, CONFIDENTIAL_BOOT);
      const { Version, SecuritySettings } = document.VirtualMachine ?? {};
      assert.deepEqual([document.SchemaVersion, Version], [{ Major: 2, Minor: 5 }, { Major: 12 }]);
      assert.deepEqual(SecuritySettings?.Isolation, {
        IsolationType: "SecureNestedPaging",
        LaunchData: "QQCDc1c1oQ5lihnt0XBOYGyd0RLiJYJbY/r+3tdmyLk=",
        HclEnabled: true,
      });
    });

    it("boots from disks by secure boot, and shares an empty directory alone", () => {
      const { Chipset, Devices, GuestState } = machine(annotations, CONFIDENTIAL_BOOT);
      assert.equal(Chipset?.Uefi?.ApplySecureBootTemplate, "Apply");
      assert.equal(Chipset?.Uefi?.BootThis, undefined);
      assert.equal(GuestState?.GuestStateFileType, "BlockStorage");
      assert.deepEqual(Devices?.VirtualSmb?.Shares, [
        {
          Name: "defaultEmptyShare",
          Path: "C:\\bundle\\EmptyDoNotModify",
          Options: { ReadOnly: true, ShareRead: true, NoOplocks: true },
        },
      ]);
      const [controller] = Object.values(Devices?.Scsi ?? {});
      assert.deepEqual(
        Object.values(controller?.Attachments ?? {}).map(({ ReadOnly }) => ReadOnly),
        [undefined, true, true],
      );
    });

    it("has a writable boot disk and no secure boot where that is asked for", () => {
      const { Chipset, Devices } = machine(
        { ...annotations, [`${VM}wcow.writable_efi`]: "true", [`${VM}wcow.no_secure_boot`]: "true" },
        CONFIDENTIAL_BOOT,
      );
      assert.deepEqual(Chipset?.Uefi, { ApplySecureBootTemplate: "Skip" });
      const [controller] = Object.values(Devices?.Scsi ?? {});
      assert.equal(controller?.Attachments?.["1"]?.ReadOnly, undefined);
    });
  });
});
