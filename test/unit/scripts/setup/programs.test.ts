import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, isStaticProgram } from "../../../../scripts/setup/programs.ts";

describe("programs", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "programs-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  describe("findProgram", () => {
    it("finds a program in PATH before those of the system", () => {
      const own = join(directory, "sh");
      writeFileSync(own, "", { mode: 0o755 });
      assert.equal(findProgram("sh", directory), own);
    });

    it("passes over a file that is not executable", () => {
      writeFileSync(join(directory, "only-here"), "", { mode: 0o644 });
      assert.equal(findProgram("only-here", directory), undefined);
    });

    it("ignores relative folders in PATH", () => {
      assert.equal(findProgram("package.json", "."), undefined);
    });
  });

  describe("isStaticProgram", () => {
    const PT_LOAD = 1;
    const PT_INTERP = 3;

    function elf(...segmentTypes: number[]): string {
      const image = Buffer.alloc(64 + segmentTypes.length * 56);
      image.write("\x7fELF\x02\x01\x01", "latin1");
      image.writeBigUInt64LE(64n, 32);
      image.writeUInt16LE(56, 54);
      image.writeUInt16LE(segmentTypes.length, 56);
      segmentTypes.forEach((type, index) => image.writeUInt32LE(type, 64 + index * 56));
      const path = join(directory, "program");
      writeFileSync(path, image);
      return path;
    }

    it("is so without an interpreter", () => assert.equal(isStaticProgram(elf(PT_LOAD, PT_LOAD)), true));
    it("is not so with an interpreter", () => assert.equal(isStaticProgram(elf(PT_LOAD, PT_INTERP)), false));
    it("is not so for a file that does not exist", () =>
      assert.equal(isStaticProgram(join(directory, "no")), false));
    it("is not so for a script", () => {
      const path = join(directory, "script");
      writeFileSync(path, "#!/bin/sh\n".padEnd(100, "#"));
      assert.equal(isStaticProgram(path), false);
    });
    it("is not so for a file that is cut off inside its table", () => {
      const image = Buffer.alloc(64);
      image.write("\x7fELF\x02\x01\x01", "latin1");
      image.writeBigUInt64LE(64n, 32);
      image.writeUInt16LE(56, 54);
      image.writeUInt16LE(3, 56);
      const path = join(directory, "short");
      writeFileSync(path, image);
      assert.equal(isStaticProgram(path), false);
    });
  });
});
