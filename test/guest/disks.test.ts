/** Disks and persistent memory in the guest: mounted, formatted, linked to, and let go of. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NULL_CONTAINER_ID } from "../../hcs/guest/protocol.ts";
import { appendVhdFooter, makeBlankImage, makeExt4Image, makeExt4Of } from "../support/disk-image.ts";
import { GuestFixture } from "../support/guest-fixture.ts";
import { skipWithoutGuest } from "../support/guest-harness.ts";
import { containerSpec, makeRootfs } from "../support/guest-rootfs.ts";

const CONTROLLER = "df6d0690-79e5-55b6-a5ec-c1e2f77f580a";
const SECOND = "0110f83b-de10-5172-a266-78bca56bf50a";
const FAILED = 0x8000_4005;

describe("guest: disks", function () {
  let guest: GuestFixture;

  before(async function () {
    skipWithoutGuest(this);
    guest = await GuestFixture.boot();
  });

  after(() => guest?.stop());

  const image = (name: string): string => join(guest.harness.directory, name);

  async function inVm(script: string): Promise<string> {
    const { status, stdout, stderr } = await guest.inVm(script);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  async function refused(ResourceType: string, Settings: object, pattern: RegExp): Promise<void> {
    const Request = { RequestType: "Add", ResourceType, Settings };
    const { result, body } = await guest.bridge.call("ModifySettings", {
      ContainerId: NULL_CONTAINER_ID,
      Request,
    });
    assert.equal(result >>> 0, FAILED);
    assert.match(String(body["ErrorMessage"]), pattern);
  }

  /** What the file `name` of an ext4 image says. */
  function readImage(path: string, name: string): string {
    return execFileSync("debugfs", ["-R", `cat ${name}`, path], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  }

  describe("MappedVirtualDisk", () => {
    it("mounts a disk, writes to it, and leaves it when it is removed", async () => {
      const path = makeExt4Image(image("rw"), { "from-host": "host" });
      guest.harness.attachDisk(`scsi-${SECOND}-5`, path);
      const disk = { MountPath: "/run/mounts/scsi/m0", Controller: 1, Lun: 5 };
      await guest.modify("Add", "MappedVirtualDisk", disk);
      assert.equal(await inVm("cat /run/mounts/scsi/m0/from-host"), "host");
      await inVm("printf guest > /run/mounts/scsi/m0/from-guest; stat -c %a /run/mounts/scsi");
      await guest.modify("Remove", "MappedVirtualDisk", disk);
      await inVm("test ! -e /run/mounts/scsi/m0");
      guest.harness.detachDisk(`scsi-${SECOND}-5`);
      assert.equal(readImage(path, "/from-guest"), "guest");
    });

    it("mounts a disk read-only, by itself and by its options", async () => {
      guest.harness.attachDisk(`scsi-${CONTROLLER}-0`, makeExt4Image(image("ro"), { file: "text" }), {
        readOnly: true,
      });
      for (const how of [{ ReadOnly: true }, { Options: ["ro"] }]) {
        const disk = { MountPath: "/run/mounts/scsi/m1", ...how };
        await guest.modify("Add", "MappedVirtualDisk", disk);
        await inVm("cat /run/mounts/scsi/m1/file && ! touch /run/mounts/scsi/m1/new");
        await guest.modify("Remove", "MappedVirtualDisk", disk);
      }
      guest.harness.detachDisk(`scsi-${CONTROLLER}-0`);
    });

    it("formats a blank disk that has to have a file system, and keeps one that has", async () => {
      guest.harness.attachDisk(`scsi-${CONTROLLER}-1`, makeBlankImage(image("blank")));
      const disk = { MountPath: "/run/mounts/scsi/m2", Lun: 1 };
      await refused("MappedVirtualDisk", disk, /it has no ext4 file system/);
      const formatted = { ...disk, EnsureFilesystem: true, Filesystem: "ext4" };
      await guest.modify("Add", "MappedVirtualDisk", formatted);
      await inVm("echo kept > /run/mounts/scsi/m2/file");
      await guest.modify("Remove", "MappedVirtualDisk", disk);
      await guest.modify("Add", "MappedVirtualDisk", formatted);
      assert.equal(await inVm("cat /run/mounts/scsi/m2/file"), "kept\n");
      await guest.modify("Remove", "MappedVirtualDisk", disk);
      await refused(
        "MappedVirtualDisk",
        { ...disk, EnsureFilesystem: true, Filesystem: "strange" },
        /unknown file system "strange"/,
      );
      guest.harness.detachDisk(`scsi-${CONTROLLER}-1`);
    });

    it("mounts a partition", async () => {
      const whole = makeBlankImage(image("partitioned"), 20);
      const part = makeExt4Image(image("part"), { file: "of the partition" });
      execFileSync("dd", ["conv=notrunc", "bs=1M", "seek=1", `if=${part}`, `of=${whole}`], {
        stdio: "ignore",
      });
      const device = guest.harness.attachDisk(`scsi-${CONTROLLER}-2`, whole);
      // Told, not read: kernels differ in which partition tables they know.
      execFileSync("addpart", [device, "1", "2048", "32768"]);
      const disk = { MountPath: "/run/mounts/scsi/m3", Lun: 2, Partition: 1 };
      await guest.modify("Add", "MappedVirtualDisk", disk);
      assert.equal(await inVm("cat /run/mounts/scsi/m3/file"), "of the partition");
      await guest.modify("Remove", "MappedVirtualDisk", disk);
      await refused("MappedVirtualDisk", { ...disk, Partition: 7 }, /has no partition 7/);
      guest.harness.detachDisk(`scsi-${CONTROLLER}-2`);
    });

    it("links to a disk that is wanted as a block device", async () => {
      guest.harness.attachDisk(`scsi-${CONTROLLER}-3`, makeExt4Image(image("raw")));
      const disk = { MountPath: "/run/mounts/scsi/m4", Lun: 3, BlockDev: true };
      await guest.modify("Add", "MappedVirtualDisk", disk);
      await inVm("test -b /run/mounts/scsi/m4");
      await guest.modify("Remove", "MappedVirtualDisk", disk);
      await inVm("test ! -e /run/mounts/scsi/m4");
      guest.harness.detachDisk(`scsi-${CONTROLLER}-3`);
    });

    it("refuses what is not attached, and what the guest cannot do", async () => {
      const MountPath = "/run/mounts/scsi/m5";
      await refused("MappedVirtualDisk", { MountPath, Lun: 60 }, /the host has not attached it/);
      await refused("MappedVirtualDisk", { Lun: 60 }, /the host has not attached it/);
      await refused("MappedVirtualDisk", { MountPath, Controller: 4 }, /there is no SCSI controller 4/);
      guest.harness.attachDisk(`scsi-${CONTROLLER}-4`, makeExt4Image(image("plain")));
      await refused("MappedVirtualDisk", { MountPath, Lun: 4, Encrypted: true }, /encrypts no disks/);
      // Without a path it is only looked for.
      await guest.modify("Add", "MappedVirtualDisk", { Lun: 4 });
      guest.harness.detachDisk(`scsi-${CONTROLLER}-4`);
    });
  });

  it("SCSIDevice lets go of a disk, which may be absent", async () => {
    guest.harness.attachDisk(`scsi-${CONTROLLER}-6`, makeExt4Image(image("unplugged")));
    await guest.modify("Remove", "SCSIDevice", { Lun: 6 });
    await refused("MappedVirtualDisk", { MountPath: "/run/mounts/scsi/m6", Lun: 6 }, /has not attached it/);
    await guest.modify("Remove", "SCSIDevice", { Lun: 6 });
    guest.harness.detachDisk(`scsi-${CONTROLLER}-6`);
  });

  it("VPMemDevice mounts a whole device, and a part of one", async () => {
    guest.harness.attachDisk("pmem-0", makeExt4Image(image("p0"), { file: "whole" }), { readOnly: true });
    guest.harness.attachDisk("pmem-1-4096", makeExt4Image(image("p1"), { file: "part" }), { readOnly: true });
    const whole = { MountPath: "/run/layers/p0" };
    const part = {
      DeviceNumber: 1,
      MountPath: "/run/layers/p1-4096-16777216",
      MappingInfo: { DeviceOffsetInBytes: 4096, DeviceSizeInBytes: 16 * 1024 ** 2 },
    };
    for (const device of [whole, part]) await guest.modify("Add", "VPMemDevice", device);
    assert.equal(await inVm("cat /run/layers/p0/file /run/layers/p1-*/file"), "wholepart");
    for (const device of [part, whole]) await guest.modify("Remove", "VPMemDevice", device);
    await inVm("test ! -e /run/layers/p0");
    for (const name of ["pmem-0", "pmem-1-4096"]) guest.harness.detachDisk(name);
    await refused("VPMemDevice", whole, /there is no disk "pmem-0"/);
  });

  it("runs a container whose layer and scratch are disks", async () => {
    const rootfs = image("layer.content");
    mkdirSync(rootfs);
    makeRootfs(rootfs);
    const layer = appendVhdFooter(makeExt4Of(image("layer.vhd"), rootfs, 64));
    const scratch = makeBlankImage(image("sandbox.vhdx"), 32);
    guest.harness.attachDisk("pmem-0", layer, { readOnly: true });
    guest.harness.attachDisk(`scsi-${CONTROLLER}-0`, scratch);
    const root = "/run/gcs/c/d1";
    const disk = { MountPath: root, EnsureFilesystem: true, Filesystem: "ext4" };
    await guest.modify("Add", "VPMemDevice", { MountPath: "/run/layers/p0" });
    await guest.modify("Add", "MappedVirtualDisk", disk);
    const ScratchPath = `${root}/scratch/d1`;
    await guest.modify("Add", "CombinedLayers", {
      ...{ ContainerID: "d1", ContainerRootPath: `${root}/rootfs`, ScratchPath },
      Layers: [{ Path: "/run/layers/p0" }],
    });
    await guest.bridge.must("Create", {
      ContainerId: "d1",
      ContainerConfig: JSON.stringify({
        SchemaVersion: { Major: 2, Minor: 1 },
        OciBundlePath: root,
        OciSpecification: containerSpec({
          rootfs: `${root}/rootfs`,
          args: ["/bin/sh", "-c", "echo written > /file && cat /file"],
        }),
        ScratchDirPath: ScratchPath,
      }),
    });
    const init = await guest.start("d1", ["stdout"]);
    assert.equal(await init.stdout?.finish(), "written\n");
    assert.equal(await guest.exitCode("d1", init.pid), 0);
    await guest.modify("Remove", "CombinedLayers", { ContainerRootPath: `${root}/rootfs` });
    await guest.modify("Remove", "MappedVirtualDisk", disk);
    await guest.modify("Remove", "VPMemDevice", { MountPath: "/run/layers/p0" });
    await guest.bridge.must("DeleteContainerState", { ContainerId: "d1" });
    for (const name of ["pmem-0", `scsi-${CONTROLLER}-0`]) guest.harness.detachDisk(name);
    assert.equal(readImage(scratch, "/scratch/d1/upper/file"), "written\n");
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(guest.harness.directory + "/layer"));
  });
});
