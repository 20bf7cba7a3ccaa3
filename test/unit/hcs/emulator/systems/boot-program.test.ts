import assert from "node:assert/strict";
import { BootProgram } from "../../../../../hcs/emulator/systems/boot-program.ts";

describe("BootProgram", () => {
  const program = new BootProgram(["/usr/bin/node", "--enable-source-maps", import.meta.filename]);
  const { directory } = program.files;

  it("stands for boot files beside it", () => {
    assert.equal(directory, import.meta.dirname);
    assert.deepEqual(program.files.files, ["initrd.img", "kernel"]);
    assert.equal(program.missing(`${directory}/kernel`, undefined), undefined);
    assert.equal(program.missing(`${directory}/./kernel`, `${directory}/initrd.img`), undefined);
  });

  it("names what a document wants instead", () => {
    assert.match(
      program.missing("/boot/vmlinux", undefined) ?? "",
      /KernelFilePath: "\/boot\/vmlinux" is not there/,
    );
    assert.match(
      program.missing(`${directory}/kernel`, "/boot/initrd.img") ?? "",
      /InitRdPath: "\/boot\/initrd.img"/,
    );
  });

  it("is missed when it does not exist", () => {
    const gone = new BootProgram(["/nowhere/worker"]);
    assert.equal(
      gone.missing("/nowhere/kernel", undefined),
      'worker program "/nowhere/worker" does not exist',
    );
  });

  it("needs an absolute path", () => {
    assert.throws(
      () => new BootProgram(["node", "worker.js"]),
      /cannot use worker command "node" "worker.js"/,
    );
    assert.throws(() => new BootProgram([]), /no part of it is an absolute path/);
  });
});
