/** Contract: root file systems from snapshotter mounts. Runs where mounts of Linux snapshotters can be made. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RootfsMount } from "../../hcs/api.ts";
import { isNotFound, isNotSupported, isWin32 } from "../../hcs/hresult.ts";
import { hcsError, type BackendUnderTest } from "./under-test.ts";

const isInvalidArgument = (error: unknown): boolean => isWin32((error as { hresult: number }).hresult, 0x57);

export function storageContract(under: () => BackendUnderTest): void {
  let target: string;

  const look = <T>(see: () => T): T => under().look(see);
  const files = (path: string): string[] => look(() => readdirSync(path));
  const directory = (...names: readonly string[]): string => {
    const path = join(under().directory, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const withFile = (name: string, file: string): string => {
    const path = directory(name);
    writeFileSync(join(path, file), name);
    return path;
  };
  const overlay = (...layers: readonly string[]): RootfsMount => ({
    type: "overlay",
    source: "overlay",
    target: "",
    options: [
      `upperdir=${directory("upper")}`,
      `workdir=${directory("work")}`,
      `lowerdir=${layers.join(":")}`,
    ],
  });
  const bind = (source: string, ...options: readonly string[]): RootfsMount => ({
    type: "bind",
    source,
    target: "",
    options: ["rbind", ...options],
  });

  beforeEach(function () {
    if (!under().backend.storage.mountTypes.includes("overlay")) this.skip();
    target = directory("rootfs");
  });

  it("mounts layers with a writable one on top, and takes them off again", async () => {
    const { storage } = under().backend;
    await storage.mount([overlay(withFile("b", "shared"), withFile("a", "shared"))], target);
    assert.equal(
      look(() => readFileSync(join(target, "shared"), "utf8")),
      "b",
    );
    look(() => writeFileSync(join(target, "new"), ""));
    await storage.unmount(target);
    assert.deepEqual(files(target), []);
    assert.deepEqual(files(join(under().directory, "upper")), ["new"]);
  });

  it("mounts directories read-only where the options say so", async () => {
    const { storage } = under().backend;
    await storage.mount([bind(withFile("a", "file"), "ro")], target);
    const write = (): void => look(() => writeFileSync(join(target, "new"), ""));
    assert.throws(write, { code: "EROFS" });
    await storage.unmount(target);
  });

  it("applies several mounts in order, sub-paths inside the earlier ones", async () => {
    const { storage } = under().backend;
    const base = withFile("base", "file");
    mkdirSync(join(base, "etc"));
    await storage.mount([bind(base), { ...bind(withFile("etc", "hosts")), target: "/etc" }], target);
    assert.equal(
      look(() => readFileSync(join(target, "etc/hosts"), "utf8")),
      "etc",
    );
    await storage.unmount(target);
    assert.deepEqual(files(target), []);
  });

  it("takes everything off when one mount cannot be made", async () => {
    const { storage } = under().backend;
    const mounts = [bind(withFile("a", "file")), bind(join(under().directory, "missing"))];
    await assert.rejects(storage.mount(mounts, target), hcsError(isNotFound, "mount 1", "missing"));
    assert.deepEqual(files(target), []);
  });

  it("refuses a sub-path that leads out of the root file system", async () => {
    const mounts = [{ ...bind(directory("a")), target: "../a" }];
    await assert.rejects(under().backend.storage.mount(mounts, target), hcsError(isInvalidArgument, "../a"));
  });

  it("refuses the layers of other platforms, naming the type", async () => {
    const mounts = [{ type: "windows-layer", source: "C:\\layer", target: "", options: [] }];
    await assert.rejects(
      under().backend.storage.mount(mounts, target),
      hcsError(isNotSupported, "windows-layer"),
    );
  });

  it("mounts more layers than one page of options has room for", async () => {
    const { storage } = under().backend;
    const deep = "snapshots/with/a/rather/long/path/of/more/than/sixty/characters/in/every/layer";
    const layers = Array.from({ length: 60 }, (_, index) => directory(deep, String(index), "fs"));
    layers.forEach((layer, index) => writeFileSync(join(layer, `file-${index}`), ""));
    const before = process.cwd();
    await storage.mount([overlay(...layers)], target);
    assert.equal(files(target).length, layers.length);
    assert.equal(process.cwd(), before);
    await storage.unmount(target);
  });

  it("mounts images of file systems by a loop device", async () => {
    const { storage } = under().backend;
    const image = join(under().directory, "image");
    writeFileSync(image, "");
    truncateSync(image, 8 * 1024 ** 2);
    execFileSync("mkfs.ext4", ["-q", "-O", "^has_journal", image]);
    await storage.mount([{ type: "ext4", source: image, target: "", options: ["loop"] }], target);
    assert.deepEqual(files(target), ["lost+found"]);
    await storage.unmount(target);
    const loop = look(() => execFileSync("losetup", ["--associated", image], { encoding: "utf8" }));
    assert.equal(loop, "");
  });

  it("says what mount(8) says about types that are left to it", async () => {
    const mounts = [{ type: "strange", source: "none", target: "", options: ["loop"] }];
    await assert.rejects(
      under().backend.storage.mount(mounts, target),
      /mount 0 \(strange from "none"\): mount: .+/,
    );
    assert.deepEqual(files(target), []);
  });

  it("unmounts what is in use, and what others have mounted on top", async () => {
    const { storage } = under().backend;
    const source = withFile("a", "file");
    await storage.mount([bind(source)], target);
    await storage.mount([bind(withFile("b", "file"))], target);
    const before = process.cwd();
    process.chdir(target);
    try {
      await storage.unmount(target);
    } finally {
      process.chdir(before);
    }
    assert.deepEqual(files(target), []);
  });

  it("has nothing to unmount where nothing is mounted", async () => {
    const { storage } = under().backend;
    await storage.unmount(target);
    await storage.unmount(join(target, "missing"));
    assert.ok(existsSync(target));
  });

  it("mounts nothing when its signal has fired before", async () => {
    const reason = new Error("no");
    const options = { signal: AbortSignal.abort(reason) };
    await assert.rejects(under().backend.storage.mount([bind(directory("a"))], target, options), reason);
    assert.deepEqual(files(target), []);
  });
}
