import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDiskImage } from "../../../../../hcs/emulator/storage/disk-image.ts";
import { appendVhdFooter, makeBlankImage, VHD_TYPE } from "../../../../support/disk-image.ts";

describe("readDiskImage", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "disk-image-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const blank = (): string => makeBlankImage(join(directory, "image"), 1);
  const written = (content: Buffer | string): string => {
    writeFileSync(join(directory, "image"), content);
    return join(directory, "image");
  };

  it("takes all of a raw image, in whole sectors", () => {
    assert.deepEqual(readDiskImage(blank()), { kind: "usable", sizeBytes: 1024 ** 2 });
    assert.deepEqual(readDiskImage(written(Buffer.alloc(1500))), { kind: "usable", sizeBytes: 1024 });
  });

  it("takes a fixed VHD without its footer", () => {
    assert.deepEqual(readDiskImage(appendVhdFooter(blank())), { kind: "usable", sizeBytes: 1024 ** 2 });
  });

  for (const [name, path, reason] of [
    ["a VHDX", () => written("vhdxfile".padEnd(4096)), /it is a VHDX/],
    ["a dynamic VHD", () => appendVhdFooter(blank(), VHD_TYPE.dynamic), /dynamic or differencing VHD/],
    ["an empty file", () => written(""), /it has 0 bytes/],
  ] as const) {
    it(`refuses ${name}`, () => {
      const image = readDiskImage(path());
      assert.ok(image.kind === "unusable");
      assert.match(image.reason, reason);
    });
  }
});
