/** Layers, CIMs, disks and access to files, on the stand-ins and on what Wine has itself. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, win32 } from "node:path";
import { isAccessDenied, isNotFound, isNotReadyYet, isNotSupported } from "../../../hcs/hresult.ts";
import type { ParentLayer } from "../../../hcs/port/layers.ts";
import type { Platform } from "../../../hcs/scripted/platform.ts";
import { Lane } from "../../../hcs/win32/ffi/lane.ts";
import { Library } from "../../../hcs/win32/ffi/library.ts";
import { takeText } from "../../../hcs/win32/ffi/memory.ts";
import { out } from "../../../hcs/win32/ffi/types.ts";
import { grantVmGroup } from "../../../hcs/win32/storage/access-calls.ts";
import { Win32Files } from "../../../hcs/win32/storage/files.ts";
import { Win32Layers } from "../../../hcs/win32/storage/layers.ts";
import { Win32Storage } from "../../../hcs/win32/storage/storage.ts";
import { hcsError } from "../../contract/under-test.ts";
import { until } from "../../support/until.ts";
import { assertClean } from "./cleanliness.ts";
import { ask } from "./rig.ts";
import { thread } from "./threads.ts";

const SCRATCH = "C:\\snapshots\\Ünï 9";
const VOLUME = "\\\\?\\Volume{6f1c8a40-1111-4222-8333-0123456789ab}";
const VOLUME_ID = "0c0c0c0c-1111-4222-8333-0123456789ab";
const PARENTS: readonly ParentLayer[] = [
  { id: "cd22d128-903e-550a-9d8f-aa8134ca1c9b", path: "C:\\snapshots\\5" },
  { id: "87ec27a6-f5e9-50c8-9ae1-161c316c0eca", path: "C:\\snapshots\\1" },
];
const PLATFORM: Platform = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  scratchVolumes: { [SCRATCH]: VOLUME },
};

const useMachine = (fail: Platform["fail"] = []): Promise<void> =>
  ask("useScripted", { platform: { ...PLATFORM, fail }, files: [] });

describe("Win32Layers", () => {
  const layers = new Win32Layers(thread("layers"));

  beforeEach(() => useMachine());
  afterEach(async () => {
    await ask("clearFaults");
    await assertClean();
  });

  it("hands over every argument unchanged", async () => {
    const filter = { SchemaVersion: {}, FilterType: "UnionFS" } as const;
    await layers.createScratch(SCRATCH, PARENTS);
    await layers.activate(SCRATCH);
    await layers.prepare(SCRATCH, PARENTS);
    assert.equal(await layers.mountPath(SCRATCH), VOLUME);
    await layers.attachOverlayFilter(`${VOLUME}\\`, { ...filter, Layers: [{ Id: VOLUME_ID, Path: "x" }] });
    await layers.detachOverlayFilter(`${VOLUME}\\`, filter);
    await layers.unprepare(SCRATCH);
    await layers.deactivate(SCRATCH);
    await layers.mountCim("C:\\cims\\top.cim", 0, VOLUME_ID);
    await layers.mountMergedCims(["C:\\c\\m.bcim\\merged.cim", "C:\\c\\l.bcim\\layer.cim"], 0x20, VOLUME_ID);
    await layers.dismountCim(`\\\\?\\Volume{${VOLUME_ID}}\\`);
    await layers.setVirtualDiskIdentifier("C:\\vm\\sandbox.vhdx", VOLUME_ID);
    const parents = PARENTS.map(({ id, path }) => ({ id, path }));
    assert.deepEqual(await ask("trace"), [
      { call: "CreateSandboxLayer", layers: parents, path: SCRATCH },
      { call: "ActivateLayer", path: SCRATCH },
      { call: "PrepareLayer", layers: parents, path: SCRATCH },
      // First for its length.
      { call: "GetLayerMountPath", path: SCRATCH, result: VOLUME },
      { call: "GetLayerMountPath", path: SCRATCH, result: VOLUME },
      {
        call: "HcsAttachOverlayFilter",
        layerData: { ...filter, Layers: [{ Id: VOLUME_ID, Path: "x" }] },
        volumePath: `${VOLUME}\\`,
      },
      { call: "HcsDetachOverlayFilter", layerData: filter, volumePath: `${VOLUME}\\` },
      { call: "UnprepareLayer", path: SCRATCH },
      { call: "DeactivateLayer", path: SCRATCH },
      { call: "CimMountImage", cim: "C:\\cims\\top.cim", flags: 0, volume: VOLUME_ID },
      {
        call: "CimMergeMountImage",
        cims: ["C:\\c\\m.bcim\\merged.cim", "C:\\c\\l.bcim\\layer.cim"],
        flags: 0x20,
        volume: VOLUME_ID,
      },
      { call: "CimDismountImage", volume: `\\\\?\\Volume{${VOLUME_ID}}\\` },
      { call: "SetVirtualDiskIdentifier", id: VOLUME_ID, path: "C:\\vm\\sandbox.vhdx" },
    ]);
  });

  it("can have a layer without parents, whose union comes from elsewhere", async () => {
    await layers.prepare(SCRATCH, []);
    assert.deepEqual(await ask("trace"), [{ call: "PrepareLayer", layers: [], path: SCRATCH }]);
  });

  const NOT_READY = 0x8007_0015;
  const calls: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ["CreateSandboxLayer", SCRATCH, () => layers.createScratch(SCRATCH, PARENTS)],
    ["ActivateLayer", SCRATCH, () => layers.activate(SCRATCH)],
    ["PrepareLayer", SCRATCH, () => layers.prepare(SCRATCH, PARENTS)],
    ["GetLayerMountPath", SCRATCH, () => layers.mountPath(SCRATCH)],
    ["UnprepareLayer", SCRATCH, () => layers.unprepare(SCRATCH)],
    ["DeactivateLayer", SCRATCH, () => layers.deactivate(SCRATCH)],
    ["HcsAttachOverlayFilter", VOLUME, () => layers.attachOverlayFilter(VOLUME, {})],
    ["HcsDetachOverlayFilter", VOLUME, () => layers.detachOverlayFilter(VOLUME, {})],
    ["CimMountImage", "top.cim", () => layers.mountCim("C:\\cims\\top.cim", 0, VOLUME_ID)],
    ["CimMergeMountImage", "a.cim", () => layers.mountMergedCims(["C:\\a.cim", "C:\\b.cim"], 16, VOLUME_ID)],
    ["CimDismountImage", VOLUME_ID, () => layers.dismountCim(`\\\\?\\Volume{${VOLUME_ID}}\\`)],
    ["OpenVirtualDisk", "x.vhdx", () => layers.setVirtualDiskIdentifier("C:\\x.vhdx", VOLUME_ID)],
    ["SetVirtualDiskInformation", "x.vhdx", () => layers.setVirtualDiskIdentifier("C:\\x.vhdx", VOLUME_ID)],
  ];
  for (const [name, target, call] of calls) {
    it(`tells what ${name} answered, and of what`, async () => {
      await ask("addFault", { function: name, action: "refuse", hresult: NOT_READY });
      await assert.rejects(call(), hcsError(isNotReadyYet, target, "0x80070015"));
    });
  }

  it("prepares one layer at a time, whoever asks", async () => {
    // The stand-in complains of calls that overlap.
    await Promise.all(["a", "b", "c"].map((name) => layers.prepare(`C:\\${name}`, PARENTS)));
  });

  it("keeps the event loop free while a call blocks", async () => {
    await ask("addFault", { function: "ActivateLayer", action: "hang" });
    const activated = layers.activate(SCRATCH);
    let turns = 0;
    await until("the event loop to turn", () => ++turns > 20);
    await ask("clearFaults");
    await activated;
  });

  it("gives up a call that has not begun without making it", async () => {
    await ask("addFault", { function: "ActivateLayer", action: "hang", times: 1 });
    const first = layers.activate(SCRATCH);
    const abort = new AbortController();
    const reason = new Error("budget is spent");
    const second = layers.deactivate(SCRATCH, { signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(second, reason);
    await ask("clearFaults");
    await first;
    assert.deepEqual(await ask("trace"), [{ call: "ActivateLayer", path: SCRATCH }]);
  });

  const late: readonly (readonly [string, (signal: AbortSignal) => Promise<void>, string])[] = [
    ["ActivateLayer", (signal) => layers.activate(SCRATCH, { signal }), "DeactivateLayer"],
    ["PrepareLayer", (signal) => layers.prepare(SCRATCH, PARENTS, { signal }), "UnprepareLayer"],
    [
      "HcsAttachOverlayFilter",
      (signal) => layers.attachOverlayFilter(VOLUME, {}, { signal }),
      "HcsDetachOverlayFilter",
    ],
    ["CimMountImage", (signal) => layers.mountCim("C:\\a.cim", 0, VOLUME_ID, { signal }), "CimDismountImage"],
  ];
  for (const [name, call, undo] of late) {
    it(`undoes ${name} by ${undo} when it completes after it was given up`, async () => {
      await ask("addFault", { function: name, action: "hang", times: 1 });
      const abort = new AbortController();
      const reason = new Error("budget is spent");
      const given = assert.rejects(call(abort.signal), reason);
      await until("the call to be under way", async () => (await ask("hanging")).includes(name));
      abort.abort(reason);
      await given;
      await ask("clearFaults");
      await until(`${undo} to be called`, async () =>
        (await ask("trace")).some((entry) => entry.call === undo),
      );
    });
  }

  it("refuses texts with a NUL before anything is called", async () => {
    await assert.rejects(layers.activate("C:\\a\0b"), /NUL/);
    await assert.rejects(layers.prepare("C:\\a", [{ id: VOLUME_ID, path: "C:\\a\0b" }]), /NUL/);
    assert.deepEqual(await ask("trace"), []);
  });

  it("goes on when its thread was lost", async () => {
    const lost = thread("lost");
    const layersOfLost = new Win32Layers(lost);
    await ask("addFault", { function: "ActivateLayer", action: "hang", times: 1 });
    const activated = assert.rejects(layersOfLost.activate(SCRATCH), /the thread for lost was lost/);
    await until("the call to be under way", async () => (await ask("hanging")).includes("ActivateLayer"));
    lost.close();
    await ask("clearFaults");
    await activated;
    await layersOfLost.deactivate(SCRATCH);
  });
});

describe("Win32Storage", () => {
  const storage = new Win32Storage(thread("storage"));
  let directory: string;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "storage-"));
    await useMachine();
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    await ask("clearFaults");
    await assertClean();
  });

  it("lets a VM open a file", async () => {
    await storage.grantVmAccess("pod@vm", "C:\\layers\\a.vhdx");
    assert.deepEqual(await ask("trace"), [
      { call: "GrantVmAccess", path: "C:\\layers\\a.vhdx", vmId: "pod@vm" },
    ]);
    await ask("addFault", { function: "GrantVmAccess", action: "refuse", hresult: 0x8007_0005 });
    await assert.rejects(
      storage.grantVmAccess("pod@vm", "C:\\a"),
      hcsError(isAccessDenied, "pod@vm", "C:\\a"),
    );
  });

  it("lets every VM open a file or directory", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    await storage.grantVmGroupAccess(file, GENERIC_READ);
    await storage.grantVmGroupAccess(directory, GENERIC_READ);
    await assert.rejects(
      storage.grantVmGroupAccess(join(directory, "missing"), GENERIC_READ),
      hcsError(isNotFound, "missing"),
    );
  });

  // Wine keeps of a file's list what a mode of Linux can say; of a key of the registry it keeps all.
  it("adds the entry of all VMs to those that are there", () => {
    const key = "Software\\RunhcsTest";
    execFileSync("reg", ["add", `HKCU\\${key}`, "/f"]);
    const name = `CURRENT_USER\\${key}`;
    const before = accessOf(name);
    const KEY_ALL_ACCESS = 0xf_003f;
    grantVmGroup(
      { name, kind: SE_REGISTRY_KEY, accessMask: KEY_ALL_ACCESS, inheritance: 3 },
      { operation: "" },
    );
    const after = accessOf(name);
    assert.match(after, /\(A;OICI;KA;;;S-1-5-83-0\)/);
    for (const entry of before.match(/\([^)]*\)/g) ?? [])
      assert.ok(after.includes(entry), `${entry} of ${after}`);
  });

  it("mounts nothing onto directories, and says what Windows has instead", async () => {
    const mounts = [{ type: "overlay", source: "overlay", target: "", options: [] }];
    await assert.rejects(
      storage.mount(mounts, "C:\\x"),
      hcsError(isNotSupported, "overlay", "windows-layer"),
    );
    await storage.unmount();
  });
});

describe("Win32Files", () => {
  const files = new Win32Files(thread("files"));
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "files-"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it("tells files from directories and from nothing", async () => {
    const file = win32.join(directory, "täst.txt");
    writeFileSync(file, "12345");
    assert.deepEqual(await files.stat(file), { kind: "file", size: 5 });
    assert.equal((await files.stat(directory))?.kind, "directory");
    assert.equal(await files.stat(win32.join(directory, "missing")), undefined);
    assert.equal(await files.stat(win32.join(file, "below a file")), undefined);
  });

  it("resolves paths to their volume", async () => {
    mkdirSync(win32.join(directory, "a"));
    const path = await files.finalPath(win32.join(directory, "a", "..", "a"));
    assert.match(path, /^\\\\\?\\Volume\{[0-9a-f-]{36}\}\\.*\\a$/i);
    await assert.rejects(files.finalPath(win32.join(directory, "missing")), hcsError(isNotFound, "missing"));
  });

  it("knows that files have ids, which all that Wine has do", async () => {
    assert.equal(await files.answersFileIds(directory), true);
    await assert.rejects(
      files.answersFileIds(win32.join(directory, "missing")),
      hcsError(isNotFound, "missing"),
    );
  });

  it("makes directories with their parents, and removes whole ones", async () => {
    const deep = win32.join(directory, "a", "b", "c");
    await files.makeDirectory(deep);
    await files.makeDirectory(deep);
    assert.equal((await files.stat(deep))?.kind, "directory");
    await files.remove(win32.join(directory, "a"));
    await files.remove(win32.join(directory, "a"));
    assert.equal(await files.stat(deep), undefined);
  });

  it("copies files, but over none", async () => {
    const [from, to] = [win32.join(directory, "from"), win32.join(directory, "to")];
    writeFileSync(from, "content");
    await files.copyFile(from, to);
    assert.equal(Buffer.from(await files.readFile(to)).toString(), "content");
    await assert.rejects(
      files.copyFile(from, to),
      hcsError((error) => (error as { hresult: number }).hresult === 0x8007_0050, to),
    );
    await assert.rejects(files.readFile(win32.join(directory, "missing")), hcsError(isNotFound, "missing"));
  });

  it("makes temporary directories of our own", async () => {
    const [one, two] = [
      await files.makeTemporaryDirectory("hpc-"),
      await files.makeTemporaryDirectory("hpc-"),
    ];
    assert.notEqual(one, two);
    assert.match(one, /\\hpc-/);
    for (const path of [one, two]) await files.remove(path);
  });

  it("does nothing when its signal has fired before", async () => {
    const reason = new Error("no");
    const options = { signal: AbortSignal.abort(reason) };
    await assert.rejects(files.makeDirectory(win32.join(directory, "x"), options), reason);
    assert.equal(await files.stat(win32.join(directory, "x")), undefined);
  });
});

/** For looking at what was done. */
const LOOKING = {
  file: "advapi32.dll",
  since: 10240,
  feature: "tests",
  source: "https://learn.microsoft.com/windows/win32/api/sddl/",
  functions: {
    GetNamedSecurityInfoW:
      "u32 (text name, i32 type, u32 information, handle owner, handle group, outHandle acl, handle sacl, outHandle descriptor)",
    ConvertSecurityDescriptorToStringSecurityDescriptorW:
      "i32 (handle descriptor, u32 revision, u32 information, outText text, handle length)",
  },
} as const;

const SE_REGISTRY_KEY = 4;
const GENERIC_READ = 0x8000_0000;

/** The access list of a key of the registry, in the language of security descriptors. */
function accessOf(name: string): string {
  const advapi32 = new Library(LOOKING, new Lane("look", 1));
  const DACL = 4;
  const [descriptor, text] = [out(), out()];
  assert.equal(
    advapi32.call("GetNamedSecurityInfoW", name, SE_REGISTRY_KEY, DACL, 0, 0, out(), 0, descriptor),
    0,
  );
  const convert = "ConvertSecurityDescriptorToStringSecurityDescriptorW";
  assert.notEqual(advapi32.call(convert, descriptor[0], 1, DACL, text, 0), 0);
  takeText(descriptor[0]);
  return takeText(text[0]) ?? "";
}
