import assert from "node:assert/strict";
import { ScriptedBackend } from "../../../../../hcs/scripted/backend.ts";
import { Recorder } from "../../../../../hcs/scripted/recorder.ts";
import { findBootFiles } from "../../../../../shim/pod/linux-vm/boot-files.ts";

const PLATFORM = { windowsBuild: 20348, hostProcessors: 2, vmRuntimeId: "" };
const KNOWN = { directory: "C:\\Boot", files: ["kernel"] };
const FILES = [{ path: "D:\\other\\vmlinux" }, { path: "C:\\Boot\\rootfs.vhd" }];

describe("findBootFiles", () => {
  const found = (directory: string) =>
    findBootFiles(
      new ScriptedBackend(PLATFORM, FILES, new Recorder()),
      KNOWN,
      { directory, names: ["kernel", "vmlinux", "rootfs.vhd"] },
      new AbortController().signal,
    );

  it("looks in the host's own directory unless another is named", async () => {
    assert.deepEqual(await found(""), { directory: "C:\\Boot", files: ["kernel", "rootfs.vhd"] });
  });

  it("knows the host's own directory in any letter case", async () => {
    assert.deepEqual(await found("c:\\boot"), await found(""));
  });

  it("makes the directory absolute, without a separator at its end", async () => {
    assert.deepEqual(await found("D:/other\\"), { directory: "D:\\other", files: ["vmlinux"] });
  });
});
