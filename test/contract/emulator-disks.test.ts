/** Disks of an emulated VM: loop devices of the host that the guest sees, and that never stay behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ComputeSystem } from "../../hcs/api.ts";
import { listLoopDevices } from "../../hcs/emulator/storage/loop-devices.ts";
import { reclaimSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import type { HcsError } from "../../hcs/errors.ts";
import type { ComputeSystemDocument, Devices } from "../../hcs/schema/compute-system.ts";
import { scsiAttachmentPath, vpmemDevicePath, vpmemMappingPath } from "../../hcs/schema/modify.ts";
import { appendVhdFooter, makeBlankImage, VHD_TYPE } from "../support/disk-image.ts";
import { until } from "../support/until.ts";
import { withBackend } from "./backend.ts";
import type { CreatorTask } from "./creator.ts";
import { emulatorFactory } from "./emulator-under-test.ts";
import { endSystem, hcsError } from "./under-test.ts";

const CONTROLLER = "df6d0690-79e5-55b6-a5ec-c1e2f77f580a";
const OTHER = "0110f83b-de10-5172-a266-78bca56bf50a";

const codeIs =
  (code: number) =>
  (error: unknown): boolean =>
    (error as HcsError).hresult === code;

withBackend("emulator: disks", emulatorFactory, (under) => {
  let system: ComputeSystem;

  async function documentWith(devices: Devices): Promise<ComputeSystemDocument> {
    const document = await under().document();
    return { ...document, VirtualMachine: { ...document.VirtualMachine, Devices: devices } };
  }

  const DEVICES: Devices = {
    Scsi: { [CONTROLLER]: {} },
    VirtualPMem: { MaximumCount: 2, MaximumSizeBytes: 1024 ** 2 * 32 },
  };

  async function create(devices: Devices = DEVICES): Promise<void> {
    system = await under().backend.computeSystems.create(under().systemId(), await documentWith(devices));
  }

  /** An image that begins with `text`. */
  function image(name: string, text = name): string {
    const path = makeBlankImage(join(under().directory, name));
    const file = openSync(path, "r+");
    writeFileSync(file, text);
    closeSync(file);
    return path;
  }

  const add = (ResourcePath: string, Settings: object): Promise<void> =>
    system.modify({ ResourcePath, RequestType: "Add", Settings });
  const remove = (ResourcePath: string): Promise<void> =>
    system.modify({ ResourcePath, RequestType: "Remove" });
  const seen = (name: string): string => under().inGuest(system.id, `/run/shares/disks/${name}`);
  const loops = (): string[] =>
    listLoopDevices().flatMap(({ device, image: path }) =>
      path.includes(under().stateDirectory) ? [device] : [],
    );

  function contentOf(path: string): string {
    const buffer = Buffer.alloc(16);
    const file = openSync(path, "r");
    readSync(file, buffer, 0, buffer.length, 0);
    closeSync(file);
    return buffer.toString("latin1").replace(/\0+$/, "");
  }

  function sizeOf(device: string): number {
    const name = device.slice("/dev/".length);
    return Number(readFileSync(`/sys/block/${name}/size`, "utf8")) * 512;
  }

  afterEach(async () => {
    await endSystem(system);
    await until("loop devices to be gone", () => loops().length === 0);
  });

  it("appear and disappear while the guest runs, and are written through", async () => {
    await create();
    const path = image("disk");
    await add(scsiAttachmentPath(CONTROLLER, 3), { Type: "VirtualDisk", Path: path });
    const node = seen(`scsi-${CONTROLLER}-3`);
    assert.ok(statSync(node).isBlockDevice());
    assert.equal(contentOf(node), "disk");
    const file = openSync(node, "r+");
    writeFileSync(file, Buffer.alloc(512, "w"));
    closeSync(file);
    await remove(scsiAttachmentPath(CONTROLLER, 3));
    assert.ok(!existsSync(node));
    assert.equal(contentOf(path), "w".repeat(16));
    assert.deepEqual(loops(), []);
  });

  it("come with the VM when its document has them", async () => {
    const [disk, memory] = [image("disk"), image("memory")];
    await create({
      Scsi: { [CONTROLLER]: { Attachments: { 0: { Type: "VirtualDisk", Path: disk, ReadOnly: true } } } },
      VirtualPMem: {
        MaximumCount: 1,
        MaximumSizeBytes: 1024 ** 2 * 32,
        Devices: { 0: { HostPath: memory, ReadOnly: true, ImageFormat: "Vhd1" } },
      },
    });
    assert.equal(contentOf(seen(`scsi-${CONTROLLER}-0`)), "disk");
    assert.equal(contentOf(seen("pmem-0")), "memory");
  });

  it("that are read-only cannot be opened for writing", async () => {
    await create();
    await add(scsiAttachmentPath(CONTROLLER, 0), { Type: "VirtualDisk", Path: image("ro"), ReadOnly: true });
    const file = openSync(seen(`scsi-${CONTROLLER}-0`), "r+");
    assert.throws(() => writeFileSync(file, Buffer.alloc(512)), { code: "EPERM" });
    closeSync(file);
  });

  it("of a fixed VHD end before its footer", async () => {
    await create();
    const path = appendVhdFooter(image("vhd"));
    await add(vpmemDevicePath(1), { HostPath: path, ReadOnly: true, ImageFormat: "Vhd1" });
    assert.equal(sizeOf(loops()[0]!), 16 * 1024 ** 2);
    await remove(vpmemDevicePath(1));
  });

  it("of persistent memory can be packed on one device", async () => {
    await create();
    for (const [offset, name] of [
      [0, "first"],
      [16 * 1024 ** 2, "second"],
    ] as const) {
      await add(vpmemMappingPath(0, offset), { HostPath: image(name), ImageFormat: "Vhd1" });
      assert.equal(contentOf(seen(`pmem-0-${offset}`)), name);
    }
    await remove(vpmemMappingPath(0, 0));
    assert.equal(contentOf(seen(`pmem-0-${16 * 1024 ** 2}`)), "second");
  });

  it("that a program still uses go when it ends", async () => {
    await create();
    await add(scsiAttachmentPath(CONTROLLER, 0), { Type: "VirtualDisk", Path: image("used") });
    const file = openSync(seen(`scsi-${CONTROLLER}-0`), "r");
    const [used = ""] = loops();
    const isAttached = (): boolean => listLoopDevices().some(({ device }) => device === used);
    await remove(scsiAttachmentPath(CONTROLLER, 0));
    assert.ok(isAttached());
    await add(scsiAttachmentPath(CONTROLLER, 0), { Type: "VirtualDisk", Path: image("next") });
    assert.equal(contentOf(seen(`scsi-${CONTROLLER}-0`)), "next");
    closeSync(file);
    await until("the device to be gone", () => !isAttached());
  });

  describe("refusals", () => {
    const refused = async (
      ResourcePath: string,
      Settings: object,
      code: number,
      part: string,
    ): Promise<void> => {
      await assert.rejects(add(ResourcePath, Settings), hcsError(codeIs(code), part));
    };
    const disk = (Path: string): object => ({ Type: "VirtualDisk", Path });

    beforeEach(() => create());

    it("name an unknown controller", async () => {
      const path = scsiAttachmentPath(OTHER, 0);
      await refused(path, disk(image("x")), HRESULT.elementNotFound, "no such controller");
    });

    it("name a LUN that is in use", async () => {
      const path = scsiAttachmentPath(CONTROLLER, 0);
      await add(path, disk(image("first")));
      await refused(path, disk(image("second")), HRESULT.alreadyExistsWin32, `SCSI disk ${CONTROLLER}:0`);
      assert.equal(contentOf(seen(`scsi-${CONTROLLER}-0`)), "first");
    });

    it("name a LUN that no controller has", async () => {
      const path = scsiAttachmentPath(CONTROLLER, 64);
      await refused(path, disk(image("x")), HRESULT.invalidArgument, "LUNs 0 to 63");
    });

    it("name a file that is missing, or is none", async () => {
      const path = scsiAttachmentPath(CONTROLLER, 0);
      await refused(path, disk("/no/such"), HRESULT.fileNotFound, '"/no/such" does not exist');
      await refused(path, disk(under().directory), HRESULT.invalidArgument, "is not a regular file");
      await refused(
        path,
        { Type: "PassThru", Path: image("x") },
        HRESULT.invalidArgument,
        "not a block device",
      );
    });

    it("name images that only Windows can read", async () => {
      const path = scsiAttachmentPath(CONTROLLER, 0);
      await refused(path, disk(image("x", "vhdxfile")), HRESULT.notSupported, "it is a VHDX");
      const dynamic = appendVhdFooter(image("y"), VHD_TYPE.dynamic);
      await refused(path, disk(dynamic), HRESULT.notSupported, "dynamic or differencing VHD");
    });

    it("name persistent memory that the VM does not have, or that is too small", async () => {
      const settings = { HostPath: image("x"), ReadOnly: true, ImageFormat: "Vhd1" };
      await refused(vpmemDevicePath(2), settings, HRESULT.elementNotFound, "the VM has 2 devices");
      await refused(vpmemMappingPath(0, 7), settings, HRESULT.invalidArgument, "not a multiple of 4096");
      const large = makeBlankImage(join(under().directory, "large"), 64);
      const tooLarge = { ...settings, HostPath: large };
      await refused(vpmemDevicePath(0), tooLarge, HRESULT.invalidArgument, "a device of this VM at most");
    });

    it("name a disk to remove that is not there", async () => {
      await assert.rejects(
        remove(scsiAttachmentPath(CONTROLLER, 0)),
        hcsError(codeIs(HRESULT.elementNotFound), "no such disk"),
      );
    });
  });

  it("leave nothing when the VM is not made after all", async () => {
    await create();
    const Attachments = {
      0: { Type: "VirtualDisk" as const, Path: image("good") },
      1: { Type: "VirtualDisk" as const, Path: "/no/such" },
    };
    const document = await documentWith({ Scsi: { [CONTROLLER]: { Attachments } } });
    await assert.rejects(
      under().backend.computeSystems.create(under().systemId(), document),
      hcsError(codeIs(HRESULT.fileNotFound), '"/no/such" does not exist'),
    );
    assert.deepEqual(loops(), []);
  });

  it("are reclaimed after the creator of the VM has died", async () => {
    await create();
    const { stateDirectory, command, directory } = under();
    const id = under().systemId();
    const task: CreatorTask = {
      ...{ stateDirectory, command, id, start: true, pause: false, share: directory },
      document: await documentWith(DEVICES),
      image: image("disk"),
    };
    const creator = spawn(
      process.execPath,
      ["--import", "tsx", join(import.meta.dirname, "creator.ts"), JSON.stringify(task)],
      { cwd: join(import.meta.dirname, "../.."), stdio: ["ignore", "pipe", "inherit"] },
    );
    const exited = once(creator, "exit");
    await Promise.race([once(creator.stdout, "data"), exited]);
    assert.equal(loops().length, 1);
    creator.kill("SIGKILL");
    await exited;
    await reclaimSystem(stateDirectory, id);
    await until("the loop device to be gone", () => loops().length === 0);
  });
});
