import assert from "node:assert/strict";
import { parseMountOptions } from "../../../../../hcs/emulator/storage/mount-options.ts";
import { MS } from "../../../../../hcs/posix/libc.ts";

describe("parseMountOptions", () => {
  const cases: readonly (readonly [string, Partial<ReturnType<typeof parseMountOptions>>])[] = [
    ["", {}],
    ["defaults", {}],
    ["ro,nosuid", { flags: MS.rdonly | MS.nosuid }],
    ["ro,rw", { flags: 0 }],
    ["rw,ro", { flags: MS.rdonly }],
    ["nodev,dev,noexec,exec,sync,async", { flags: 0 }],
    ["bind", { flags: MS.bind }],
    ["rbind,ro", { flags: MS.bind | MS.rec | MS.rdonly }],
    ["rslave", { propagation: MS.slave | MS.rec }],
    ["private,shared", { propagation: MS.shared }],
    ["lowerdir=/a:/b,index=off,ro", { flags: MS.rdonly, data: ["lowerdir=/a:/b", "index=off"] }],
    ["loop,ro", { flags: MS.rdonly, loop: true }],
    ["loop=/dev/loop3", { loop: true }],
    ["noauto,_netdev,x-systemd.automount,X-containerd.mkfs.fs=ext4,comment=x,nofail", {}],
    ["noatime,strictatime,lazytime", { flags: MS.noatime | MS.strictatime | MS.lazytime }],
    ["toString,constructor", { data: ["toString", "constructor"] }],
  ];
  for (const [text, expected] of cases) {
    it(text === "" ? "takes none" : text, () => {
      const nothing = { flags: 0, propagation: 0, data: [], loop: false };
      assert.deepEqual(parseMountOptions(text.split(",")), { ...nothing, ...expected });
    });
  }
});
