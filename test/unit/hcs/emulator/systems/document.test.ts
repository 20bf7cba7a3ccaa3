import assert from "node:assert/strict";
import { requireSystemDocument } from "../../../../../hcs/emulator/systems/document.ts";
import { HcsError } from "../../../../../hcs/errors.ts";
import { HRESULT } from "../../../../../hcs/hresult-table.ts";
import type { ComputeSystemDocument } from "../../../../../hcs/schema/compute-system.ts";

/** A document as the reference shim makes it, with what the emulator offers as boot files. */
function document(): Record<string, unknown> & ComputeSystemDocument {
  return {
    Owner: "containerd-shim-runhcs-v1",
    SchemaVersion: { Major: 2, Minor: 1 },
    ShouldTerminateOnLastHandleClosed: true,
    VirtualMachine: {
      StopOnReset: true,
      Chipset: {
        LinuxKernelDirect: {
          KernelFilePath: "/boot/kernel",
          InitRdPath: "/boot/initrd.img",
          KernelCmdLine: " panic=-1 quiet",
        },
      },
      ComputeTopology: { Memory: { SizeInMB: 1024, AllowOvercommit: true }, Processor: { Count: 2 } },
      Devices: {
        HvSocket: { HvSocketConfig: { DefaultBindSecurityDescriptor: "D:P(A;;FA;;;SY)(A;;FA;;;BA)" } },
        Plan9: {},
        Scsi: { "df6d0690-79e5-55b6-a5ec-c1e2f77f580a": {} },
        VirtualPMem: { MaximumCount: 64, MaximumSizeBytes: 4294967296 },
      },
      StorageQoS: { IopsMaximum: 10, BandwidthMaximum: 20 },
    },
  };
}

/** The document with the value at a path replaced; `undefined` removes it. */
function changed(path: string, value: unknown): ComputeSystemDocument {
  const result = document();
  const names = path.split("/").slice(1);
  const last = names.pop()!;
  let parent: Record<string, unknown> = result;
  for (const name of names) parent = (parent[name] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return result;
}

describe("requireSystemDocument", () => {
  it("takes what the shim makes of a Linux pod", () => {
    requireSystemDocument(document(), "pod@vm", 2);
  });

  const VM = "/VirtualMachine";
  const refused: readonly (readonly [string, unknown, number, string])[] = [
    ["/Owner", 1, HRESULT.invalidJson, "/Owner must be a string: 1"],
    ["/owner", "x", HRESULT.invalidJson, '/owner is not a known member: "x"'],
    ["/SchemaVersion", undefined, HRESULT.invalidJson, "/SchemaVersion is required"],
    [
      "/SchemaVersion",
      { Major: 1 },
      HRESULT.invalidJson,
      '/SchemaVersion must be from 2.0 to 2.5: {"Major":1}',
    ],
    ["/SchemaVersion", { Major: 2, Minor: 6 }, HRESULT.invalidJson, "/SchemaVersion must be from"],
    ["/SchemaVersion/Major", "2", HRESULT.invalidJson, '/SchemaVersion/Major must be a whole number: "2"'],
    [VM, undefined, HRESULT.invalidJson, "one of /VirtualMachine and /Container is required"],
    ["/Container", {}, HRESULT.invalidJson, "/Container/Storage is required"],
    [
      "/Container",
      { Storage: { Path: "\\\\?\\Volume{0}\\" } },
      HRESULT.invalidJson,
      "one of /VirtualMachine and /Container is required, and not both",
    ],
    ["/HostedSystem", {}, HRESULT.notSupported, "guest connection"],
    [`${VM}/Chipset`, undefined, HRESULT.invalidJson, "/VirtualMachine/Chipset is required"],
    [`${VM}/Chipset`, {}, HRESULT.invalidArgument, "nothing to boot"],
    [`${VM}/Chipset/Uefi`, {}, HRESULT.invalidJson, "/Uefi/BootThis is required"],
    [
      `${VM}/Chipset/Uefi`,
      { BootThis: { DeviceType: "VmbFs", DevicePath: "\\EFI" } },
      HRESULT.invalidArgument,
      "and not both",
    ],
    [
      `${VM}/Chipset/Uefi`,
      { ApplySecureBootTemplate: "Skip" },
      HRESULT.notSupported,
      "the emulator has no firmware",
    ],
    [`${VM}/Chipset/LinuxKernelDirect/KernelFilePath`, "", HRESULT.invalidArgument, "must not be empty"],
    [`${VM}/ComputeTopology`, undefined, HRESULT.invalidJson, "/ComputeTopology is required"],
    [`${VM}/ComputeTopology/Memory/SizeInMB`, 1023, HRESULT.invalidArgument, "multiple of 2: 1023"],
    [`${VM}/ComputeTopology/Memory/SizeInMB`, 0, HRESULT.invalidArgument, "from 2 to"],
    [`${VM}/ComputeTopology/Processor/Count`, 0, HRESULT.invalidArgument, "/Count must be from 1"],
    [
      `${VM}/ComputeTopology/Processor/Count`,
      3,
      HRESULT.invalidArgument,
      "must be at most 2, the processors of the host: 3",
    ],
    [
      `${VM}/ComputeTopology/Processor/Limit`,
      100001,
      HRESULT.invalidArgument,
      "/Limit must be from 0 to 100000",
    ],
    [
      `${VM}/ComputeTopology/Processor/Weight`,
      10001,
      HRESULT.invalidArgument,
      "/Weight must be from 0 to 10000",
    ],
    [
      `${VM}/ComputeTopology/Processor/CpuGroup`,
      { Id: "x" },
      HRESULT.notSupported,
      "/CpuGroup is not supported",
    ],
    [`${VM}/Devices/Disks`, {}, HRESULT.invalidJson, "/VirtualMachine/Devices/Disks is not a known member"],
    [`${VM}/Devices/VirtualSmb`, { Shares: [{}] }, HRESULT.invalidJson, "/Shares/0/Name is required"],
    [`${VM}/Devices/ComPorts`, { 0: {} }, HRESULT.invalidJson, "/ComPorts/0/NamedPipe is required"],
    [
      `${VM}/Devices/ComPorts`,
      { 0: { NamedPipe: "com1" } },
      HRESULT.invalidArgument,
      "/NamedPipe must be an absolute path",
    ],
    [
      `${VM}/Devices/ComPorts`,
      { 1: { NamedPipe: "/com2" } },
      HRESULT.notSupported,
      "the emulator has one serial port",
    ],
    [`${VM}/Devices/Scsi`, { nine: {} }, HRESULT.invalidJson, "key must be a GUID"],
    [
      `${VM}/Devices/Scsi/df6d0690-79e5-55b6-a5ec-c1e2f77f580a/Attachments`,
      { 0: { Path: "/x.vhdx", Type: "Floppy" } },
      HRESULT.invalidJson,
      "/Attachments/0/Type must be one of VirtualDisk, PassThru, ExtensibleVirtualDisk",
    ],
    [
      `${VM}/Devices/VirtualPMem/Devices`,
      { 0: { ImageFormat: "Vhd1" } },
      HRESULT.invalidJson,
      "/Devices/0/HostPath is required",
    ],
    [`${VM}/Devices/VirtualPMem/MaximumSizeBytes`, 4097, HRESULT.invalidArgument, "multiple of 4096"],
    [`${VM}/Devices/VirtualPMem/MaximumCount`, 129, HRESULT.invalidArgument, "from 0 to 128"],
    [`${VM}/Devices/HvSocket`, {}, HRESULT.invalidJson, "/HvSocketConfig is required"],
    [`${VM}/GuestState`, {}, HRESULT.notSupported, "/GuestState is not supported"],
  ];
  for (const [path, value, hresult, part] of refused) {
    it(`refuses ${path} = ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => requireSystemDocument(changed(path, value), "pod@vm", 2),
        (error: unknown) => {
          assert.ok(error instanceof HcsError);
          assert.equal(error.hresult, hresult);
          assert.ok(error.message.startsWith('cannot create compute system "pod@vm": '), error.message);
          assert.ok(error.detail?.includes(part), error.message);
          return true;
        },
      );
    });
  }
});
