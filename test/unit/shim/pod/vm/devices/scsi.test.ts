import assert from "node:assert/strict";
import type { ScsiController } from "../../../../../../hcs/schema/compute-system.ts";
import { ScsiDisks, type ScsiRequest } from "../../../../../../shim/pod/vm/devices/scsi.ts";
import { FakeUvm } from "../../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;
const layer = (path: string): ScsiRequest => ({
  disk: { Type: "VirtualDisk", Path: path, ReadOnly: true },
  mount: { readOnly: true, options: ["ro"] },
});
const scratch = (id: string, path = `${id}.vhdx`): ScsiRequest => ({
  disk: { Type: "VirtualDisk", Path: path },
  mount: { path: `/run/gcs/c/${id}`, ensureFilesystem: "ext4" },
  grantAccess: true,
});

function disks(
  guestOs: "linux" | "windows" = "linux",
  controllers: readonly (readonly [string, ScsiController])[] = [["c0", {}]],
) {
  const uvm = new FakeUvm();
  return { uvm, scsi: new ScsiDisks({ uvm: uvm.view, guestOs, storage: uvm.storage, controllers }) };
}

describe("ScsiDisks", () => {
  it("attaches on the host, then mounts in a Linux guest; unmounts, unplugs and detaches", async () => {
    const { uvm, scsi } = disks();
    const disk = scsi.reserve(scratch("web"));
    await disk.acquire(NEVER);
    assert.equal(disk.guestPath, "/run/gcs/c/web");
    await disk.release(NEVER);
    assert.deepEqual(uvm.calls, [
      "grant web.vhdx",
      'Add VirtualMachine/Devices/Scsi/c0/Attachments/0 {"Type":"VirtualDisk","Path":"web.vhdx"}',
      'guest Add MappedVirtualDisk {"MountPath":"/run/gcs/c/web","EnsureFilesystem":true,"Filesystem":"ext4"}',
      'guest Remove MappedVirtualDisk {"MountPath":"/run/gcs/c/web"}',
      "guest Remove SCSIDevice {}",
      "Remove VirtualMachine/Devices/Scsi/c0/Attachments/0",
    ]);
  });

  it("tells a Windows guest path and LUN and does not unplug", async () => {
    const { uvm, scsi } = disks("windows", [
      ["c0", { Attachments: { "0": { Type: "VirtualDisk", Path: "vm" } } }],
    ]);
    const disk = scsi.reserve({ disk: { Type: "VirtualDisk", Path: "s" }, mount: {} });
    await disk.acquire(NEVER);
    await disk.release(NEVER);
    assert.deepEqual(uvm.calls, [
      'Add VirtualMachine/Devices/Scsi/c0/Attachments/1 {"Type":"VirtualDisk","Path":"s"}',
      'guest Add MappedVirtualDisk {"ContainerPath":"c:\\\\mounts\\\\scsi\\\\m0","Lun":1}',
      'guest Remove MappedVirtualDisk {"ContainerPath":"c:\\\\mounts\\\\scsi\\\\m0","Lun":1}',
      "Remove VirtualMachine/Devices/Scsi/c0/Attachments/1",
    ]);
  });

  it("has the guest format the scratch of a confidential Windows container", async () => {
    const { uvm, scsi } = disks("windows");
    await scsi
      .reserve({ disk: { Type: "VirtualDisk", Path: "s" }, mount: { confidentialScratch: true } })
      .acquire(NEVER);
    assert.match(uvm.calls[1] ?? "", /^guest Add MappedVirtualDiskForContainerScratch /);
  });

  it("only attaches a disk that is not to be mounted", async () => {
    const { uvm, scsi } = disks("windows");
    const disk = scsi.reserve({ disk: { Type: "VirtualDisk", Path: "layer.cim", ReadOnly: true } });
    await disk.acquire(NEVER);
    assert.equal(disk.guestPath, "");
    assert.equal(disk.lun, 0);
    assert.equal(uvm.calls.length, 1);
  });

  it("attaches and mounts the same layer once for all its users", async () => {
    const { uvm, scsi } = disks();
    const [first, second] = [scsi.reserve(layer("a.vhd")), scsi.reserve(layer("a.vhd"))];
    await Promise.all([first.acquire(NEVER), second.acquire(NEVER)]);
    assert.equal(second.guestPath, "/run/mounts/scsi/m0");
    assert.equal(uvm.calls.length, 2);
    await first.release(NEVER);
    assert.equal(uvm.calls.length, 2);
    await second.release(NEVER);
    assert.equal(uvm.calls.length, 5);
  });

  it("answers the path of the mount that is there, whatever path was asked for", () => {
    const { scsi } = disks();
    scsi.reserve(scratch("pod", "shared.vhdx"));
    assert.equal(scsi.reserve(scratch("web", "shared.vhdx")).guestPath, "/run/gcs/c/pod");
  });

  it("attaches once what is mounted in two ways", async () => {
    const { uvm, scsi } = disks();
    const disk = layer("a.vhd").disk;
    const first = scsi.reserve({ disk, mount: { readOnly: true, partition: 1 } });
    const second = scsi.reserve({ disk, mount: { readOnly: true, partition: 2 } });
    await first.acquire(NEVER);
    await second.acquire(NEVER);
    assert.equal(second.guestPath, "/run/mounts/scsi/m1");
    assert.equal(uvm.calls.filter((call) => call.startsWith("Add")).length, 1);
    await first.release(NEVER);
    assert.ok(!uvm.calls.some((call) => call.startsWith("Remove")));
    await second.release(NEVER);
    assert.equal(uvm.calls.filter((call) => call.startsWith("Remove")).length, 1);
  });

  it("takes mounts whose options stand in another order for the same", () => {
    const { scsi } = disks();
    const disk = layer("a.vhd").disk;
    scsi.reserve({ disk, mount: { options: ["ro", "noatime"] } });
    assert.equal(
      scsi.reserve({ disk, mount: { options: ["noatime", "ro"] } }).guestPath,
      "/run/mounts/scsi/m0",
    );
  });

  it("numbers default paths by the lowest free index, which a path of its own uses up", async () => {
    const { scsi } = disks();
    const first = scsi.reserve(layer("a.vhd"));
    scsi.reserve(scratch("web"));
    assert.equal(scsi.reserve(layer("b.vhd")).guestPath, "/run/mounts/scsi/m2");
    await first.release(NEVER);
    assert.equal(scsi.reserve(layer("c.vhd")).guestPath, "/run/mounts/scsi/m0");
  });

  it("fills controller after controller and leaves out what the VM boots from", () => {
    const boot = { Attachments: { "0": { Type: "VirtualDisk", Path: "rootfs.vhd" } as const } };
    const { scsi } = disks("linux", [
      ["c0", boot],
      ["c1", {}],
    ]);
    const slots = Array.from({ length: 64 }, (_, index) => scsi.reserve(layer(`${index}.vhd`)));
    assert.deepEqual([slots[0]?.controller, slots[0]?.lun], [0, 1]);
    assert.deepEqual([slots[63]?.controller, slots[63]?.lun], [1, 0]);
  });

  it("never shares what the VM boots from", () => {
    const boot = { Attachments: { "0": layer("rootfs.vhd").disk } };
    const { scsi } = disks("linux", [["c0", boot]]);
    assert.equal(scsi.reserve(layer("rootfs.vhd")).lun, 1);
  });

  it("refuses the sixty-fifth disk of one controller", () => {
    const { scsi } = disks();
    for (let index = 0; index < 64; index++) scsi.reserve(layer(`${index}.vhd`));
    assert.throws(() => scsi.reserve(layer("one-more.vhd")), { code: "DEVICE_UNAVAILABLE" });
    assert.equal(scsi.reserve(layer("7.vhd")).lun, 7, "what is attached can still be shared");
  });

  it("refuses a path where another disk is mounted, and keeps no slot for it", () => {
    const { scsi } = disks();
    scsi.reserve(scratch("web", "a.vhdx"));
    assert.throws(() => scsi.reserve(scratch("web", "b.vhdx")), {
      code: "DEVICE_UNAVAILABLE",
      message: /disk "a\.vhdx" is mounted at "\/run\/gcs\/c\/web"/,
    });
    assert.equal(scsi.reserve(layer("c.vhd")).lun, 1);
  });

  it("detaches what the guest could not mount, and frees the slot", async () => {
    const { uvm, scsi } = disks();
    uvm.fail("guest Add MappedVirtualDisk");
    const disk = scsi.reserve(layer("a.vhd"));
    await assert.rejects(disk.acquire(NEVER), /guest Add MappedVirtualDisk/);
    assert.equal(uvm.calls.at(-1), "Remove VirtualMachine/Devices/Scsi/c0/Attachments/0");
    assert.equal(scsi.reserve(layer("b.vhd")).lun, 0);
  });

  it("fails everybody who waits for a disk that the host refuses", async () => {
    const { uvm, scsi } = disks();
    uvm.fail("Add VirtualMachine");
    const [first, second] = [scsi.reserve(layer("a.vhd")), scsi.reserve(layer("a.vhd"))];
    const outcomes = await Promise.allSettled([first.acquire(NEVER), second.acquire(NEVER)]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    const retry = scsi.reserve(layer("a.vhd"));
    await retry.acquire(NEVER);
    assert.equal(retry.lun, 0);
  });

  for (const step of ["guest Remove MappedVirtualDisk", "guest Remove SCSIDevice", "Remove VirtualMachine"]) {
    it(`goes on after a failure of "${step}" where it stopped`, async () => {
      const { uvm, scsi } = disks();
      const disk = scsi.reserve(layer("a.vhd"));
      await disk.acquire(NEVER);
      uvm.fail(step);
      await assert.rejects(disk.release(NEVER), new RegExp(step));
      await disk.release(NEVER);
      await disk.release(NEVER);
      assert.deepEqual(
        uvm.calls.map((call) => call.split(" {")[0]).slice(2),
        [
          "guest Remove MappedVirtualDisk",
          "guest Remove SCSIDevice",
          "Remove VirtualMachine/Devices/Scsi/c0/Attachments/0",
        ],
        "each step once",
      );
      assert.equal(scsi.reserve(layer("b.vhd")).lun, 0);
    });
  }
});
