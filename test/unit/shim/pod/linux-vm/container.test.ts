import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostFile } from "../../../../../hcs/port/files.ts";
import { readSpec } from "../../../../../oci/spec.ts";
import { Options } from "../../../../../shim/options/own.ts";
import type { LinuxContainerInit } from "../../../../../shim/pod/linux-vm/container.ts";
import { addRootfs } from "../../../../../shim/pod/linux-vm/layers.ts";
import { addMounts } from "../../../../../shim/pod/linux-vm/mounts.ts";
import { ShareNames } from "../../../../../shim/pod/vm/devices/plan9.ts";
import { ScsiDisks } from "../../../../../shim/pod/vm/devices/scsi.ts";
import { PciDevices } from "../../../../../shim/pod/vm/devices/vpci.ts";
import { VpmemDevices } from "../../../../../shim/pod/vm/devices/vpmem.ts";
import { Holdings } from "../../../../../shim/resources/holdings.ts";
import { FileJournal } from "../../../../../shim/resources/journal.ts";
import { FakeBackend } from "../../../../support/fake-backend.ts";
import { FakeUvm } from "../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;

describe("a Linux container's", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "linux-container-"));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A container in a VM of one SCSI controller and two VPMem devices; `files` are on the host. */
  function container(
    spec: object,
    more: Partial<LinuxContainerInit> = {},
    files: Record<string, HostFile> = {},
  ) {
    const uvm = new FakeUvm();
    const backend = new FakeBackend();
    backend.files.stat = async (path) => files[path];
    backend.files.finalPath = async (path) => `/final${path}`;
    const place = { bundle: root, stateDirectory: join(root, "state"), namespace: "k8s.io", id: "c1" };
    const holdings = new Holdings(FileJournal.open(place));
    const pmem = { count: 2, sizeBytes: 1000, multiMapping: false, bootsFromFirst: false };
    const init: LinuxContainerInit = {
      request: {
        id: "c1",
        bundle: root,
        rootfs: [],
        terminal: false,
        stdio: { stdin: "", stdout: "", stderr: "" },
        spec: readSpec(spec),
        identity: { role: "workload", podId: "pod" },
        isolation: "linux-vm",
        scrubLogs: true,
        scaleProcessorLimit: false,
        options: new Options(),
      },
      uvm: uvm.view,
      devices: {
        scsi: new ScsiDisks({
          uvm: uvm.view,
          guestOs: "linux",
          storage: uvm.storage,
          controllers: [["c0", {}]],
        }),
        vpmem: new VpmemDevices({ uvm: uvm.view, ...pmem }),
        pci: new PciDevices({ uvm: uvm.view, build: 20348, bootDevices: [] }),
        shareNames: new ShareNames(),
        drivers: new Set(),
      },
      holdings,
      backend,
      host: { build: 20348, logicalProcessors: 2, linuxBootFiles: { directory: "/boot", files: [] } },
      level: "shared",
      noWritableShares: false,
      scratchEncrypted: false,
      podNetwork: undefined,
      ownsVm: false,
      report: () => undefined,
      ...more,
    };
    return { init, uvm, holdings };
  }

  const file = (size: number): HostFile => ({ kind: "file", size });
  const FOLDERS = { windows: { layerFolders: ["/a", "/b", "/s"] } };
  const LAYERS = { "/a/layer.vhd": file(10), "/b/layer.vhd": file(5000) };

  describe("root file system", () => {
    it("is layers in memory where they fit, on disks where not, and a scratch at the container's own place", async () => {
      const { init, uvm } = container(FOLDERS, {}, LAYERS);
      assert.equal(await addRootfs(init, NEVER), "/run/gcs/c/c1/scratch/c1");
      assert.deepEqual(
        uvm.calls.filter((call) => call.startsWith("guest")),
        [
          'guest Add VPMemDevice {"MountPath":"/run/layers/p0"}',
          'guest Add MappedVirtualDisk {"MountPath":"/run/mounts/scsi/m0","ReadOnly":true,"Options":["ro"]}',
          'guest Add MappedVirtualDisk {"MountPath":"/run/gcs/c/c1","Lun":1,"EnsureFilesystem":true,"Filesystem":"ext4"}',
          'guest Add CombinedLayers {"ContainerID":"c1","ContainerRootPath":"/run/gcs/c/c1/rootfs","Layers":[{"Path":"/run/layers/p0"},{"Path":"/run/mounts/scsi/m0"}],"ScratchPath":"/run/gcs/c/c1/scratch/c1"}',
        ],
      );
      assert.ok(uvm.calls.includes("grant /final/s/sandbox.vhdx"), "the scratch, not a link to it");
      assert.ok(!uvm.calls.some((call) => call.startsWith("grant /a") || call.startsWith("grant /b")));
    });

    it("leaves in the order combined layers, scratch, layers", async () => {
      const { init, uvm, holdings } = container(FOLDERS, {}, LAYERS);
      await addRootfs(init, NEVER);
      uvm.calls.length = 0;
      await holdings.release(NEVER);
      assert.deepEqual(
        uvm.calls.filter((call) => call.startsWith("guest")).map((call) => call.split(" {")[0]),
        [
          "guest Remove CombinedLayers",
          "guest Remove MappedVirtualDisk",
          "guest Remove SCSIDevice",
          "guest Remove VPMemDevice",
          "guest Remove MappedVirtualDisk",
          "guest Remove SCSIDevice",
        ],
      );
    });

    it("goes on leaving where it stopped", async () => {
      const { init, uvm, holdings } = container(FOLDERS, {}, LAYERS);
      await addRootfs(init, NEVER);
      uvm.fail("guest Remove CombinedLayers");
      uvm.fail("guest Remove VPMemDevice");
      await assert.rejects(holdings.release(NEVER), { code: "RELEASE_FAILED" });
      uvm.calls.length = 0;
      await holdings.release(NEVER);
      assert.deepEqual(
        uvm.calls.map((call) => call.split(" {")[0]),
        [
          "guest Remove CombinedLayers",
          "guest Remove VPMemDevice",
          "Remove VirtualMachine/Devices/VirtualPMem/Devices/0",
        ],
      );
      assert.deepEqual(holdings.list(), []);
    });

    for (const step of ["guest Add VPMemDevice", "guest Add MappedVirtualDisk", "guest Add CombinedLayers"]) {
      it(`leaves nothing behind when "${step}" fails`, async () => {
        const { init, uvm, holdings } = container(FOLDERS, {}, LAYERS);
        uvm.fail(step);
        await assert.rejects(addRootfs(init, NEVER), new RegExp(step));
        const count = (prefix: string): number => uvm.calls.filter((call) => call.startsWith(prefix)).length;
        assert.equal(count("Add "), count("Remove "));
        assert.deepEqual(holdings.list(), []);
      });
    }

    it("has an encrypted scratch of another file system", async () => {
      const { init, uvm } = container(FOLDERS, { scratchEncrypted: true }, LAYERS);
      await addRootfs(init, NEVER);
      assert.ok(
        uvm.calls.some((call) => call.includes('"Encrypted":true') && call.includes('"Filesystem":"xfs"')),
      );
    });

    it("is refused when a layer is not there", async () => {
      const { init, uvm } = container(FOLDERS, {}, { "/a/layer.vhd": file(1) });
      await assert.rejects(addRootfs(init, NEVER), /layer "\/b\/layer\.vhd" is not there/);
      assert.ok(uvm.calls.some((call) => call.startsWith("Remove")));
    });

    it("is a directory of the host where the spec names one", async () => {
      const { init, uvm } = container({ root: { path: "/host/root" } });
      await addRootfs(init, NEVER);
      assert.match(uvm.calls[0] ?? "", /Plan9\/Shares .*"Path":"\/host\/root"/);
    });

    it("is refused where nothing names one", async () => {
      await assert.rejects(addRootfs(container({}).init, NEVER), /invalid rootfs/);
    });
  });

  describe("mounts", () => {
    const bind = (source: string, options: string[] = []): object => ({
      mounts: [{ destination: "/x", type: "bind", source, options }],
    });

    it("share a directory, and of a file's directory that file alone", async () => {
      const files = { "/h/d": { kind: "directory", size: 0 } as const, "/h/f": file(1) };
      const spec = { mounts: [...mountsOf(bind("/h/d")), ...mountsOf(bind("/h/f", ["ro"]))] };
      const { init, uvm } = container(spec, {}, files);
      assert.deepEqual(
        [...(await addMounts(init, NEVER))],
        [
          [0, { source: "/run/gcs/c/c1/mounts/m0" }],
          [1, { source: "/run/gcs/c/c1/mounts/m1/f" }],
        ],
      );
      assert.match(uvm.calls[0] ?? "", /"Path":"\/h\/d","Port":564,"Flags":4/);
      assert.match(uvm.calls[2] ?? "", /"Path":"\/h\/","Port":564,"Flags":133,"AllowedFiles":\["f"\]/);
      assert.match(uvm.calls[3] ?? "", /"ReadOnly":true/);
    });

    const mountsOf = (spec: object): object[] => (spec as { mounts: object[] }).mounts;

    it("refuse what is not there", async () => {
      await assert.rejects(addMounts(container(bind("/nope")).init, NEVER), /must exist on the host/);
    });

    it("refuse a share that can be written to where that is disabled", async () => {
      const files = { "/h/d": { kind: "directory", size: 0 } as const };
      const refused = container(bind("/h/d"), { noWritableShares: true }, files);
      await assert.rejects(addMounts(refused.init, NEVER), /must be mounted read-only/);
      const allowed = container(bind("/h/d", ["ro"]), { noWritableShares: true }, files);
      assert.equal((await addMounts(allowed.init, NEVER)).size, 1);
    });

    it("refuse a single file on a host that cannot share one", async () => {
      const host = { build: 18361, logicalProcessors: 1, linuxBootFiles: { directory: "/", files: [] } };
      const { init } = container(bind("/h/f"), { host }, { "/h/f": file(1) });
      await assert.rejects(addMounts(init, NEVER), /needs Windows build 18362/);
    });

    it("give a disk as the file system on it, or as a device", async () => {
      const disk = (destination: string): object => ({
        destination,
        type: "virtual-disk",
        source: "/d.vhdx",
      });
      const { init } = container({ mounts: [disk("/x"), disk("blockdev:///dev/x")] });
      assert.deepEqual(
        [...(await addMounts(init, NEVER))],
        [
          [0, { source: "/run/mounts/scsi/m0", type: "none" }],
          [1, { source: "/run/mounts/scsi/m1", type: "bind" }],
        ],
      );
    });
  });
});
