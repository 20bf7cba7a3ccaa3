import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { packTar, type TarEntry } from "modern-tar";
import { uncompressed } from "../../../../shim/client/images/compression.ts";
import { applyLayer } from "../../../../shim/client/images/layer.ts";

type Member = TarEntry["header"] & { readonly body?: string };

async function archive(members: readonly (Omit<Member, "size"> & { size?: number })[]): Promise<Buffer> {
  return Buffer.from(
    await packTar(
      members.map(({ body = "", ...header }) => ({
        header: { size: Buffer.byteLength(body), ...header },
        body,
      })),
    ),
  );
}

describe("applyLayer", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "layer-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const apply = async (...members: Parameters<typeof archive>[0]): Promise<void> =>
    applyLayer(Readable.from([await archive(members)], { objectMode: false }), directory, { name: "layer" });
  const read = (path: string): string => readFileSync(join(directory, path), "utf8");

  it("makes files, directories and links, with their modes", async () => {
    await apply(
      { name: "d/", type: "directory", mode: 0o750 },
      { name: "d/f", type: "file", mode: 0o4755, body: "content" },
      { name: "d/s", type: "symlink", linkname: "/etc/passwd" },
      { name: "h", type: "link", linkname: "d/f" },
      { name: "without/parent", type: "file", body: "x" },
    );
    assert.equal(read("d/f"), "content");
    assert.equal(statSync(join(directory, "d/f")).mode & 0o7777, 0o4755);
    assert.equal(statSync(join(directory, "d")).mode & 0o777, 0o750);
    assert.equal(statSync(join(directory, "h")).ino, statSync(join(directory, "d/f")).ino);
    assert.equal(read("without/parent"), "x");
  });

  it("replaces what lower layers have, and takes away what a whiteout names", async () => {
    await apply(
      { name: "a", type: "file", body: "old" },
      { name: "b", type: "file", body: "b" },
      { name: "d/one", type: "file", body: "1" },
      { name: "d/two", type: "file", body: "2" },
    );
    await apply(
      { name: "a", type: "directory" },
      { name: "a/in", type: "file", body: "new" },
      { name: ".wh.b", type: "file" },
      { name: "d/three", type: "file", body: "3" },
      { name: "d/.wh..wh..opq", type: "file" },
    );
    assert.equal(read("a/in"), "new");
    assert.equal(existsSync(join(directory, "b")), false);
    assert.deepEqual(readdirSync(join(directory, "d")), ["three"]);
  });

  const hostile: [what: string, members: Parameters<typeof archive>[0]][] = [
    ["a name that climbs", [{ name: "../out", type: "file", body: "x" }]],
    [
      "a way through a link",
      [
        { name: "l", type: "symlink", linkname: "/tmp" },
        { name: "l/out", type: "file", body: "x" },
      ],
    ],
    [
      "a hard link through a link",
      [
        { name: "l", type: "symlink", linkname: "/etc" },
        { name: "h", type: "link", linkname: "l/passwd" },
      ],
    ],
    ["a hard link that climbs", [{ name: "h", type: "link", linkname: "../../etc/passwd" }]],
    ["a whiteout of the parent's parent", [{ name: "d/.wh...", type: "file" }]],
  ];
  for (const [what, members] of hostile) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(apply(...members), /leads out of the root file system/);
    });
  }

  it("refuses an archive that breaks off", async () => {
    const whole = await archive([{ name: "f", type: "file", body: "x".repeat(5000) }]);
    const source = Readable.from([whole.subarray(0, 2000)], { objectMode: false });
    await assert.rejects(
      applyLayer(source, directory, { name: "layer 7" }),
      /cannot read tar archive layer 7/,
    );
  });
});

describe("uncompressed", () => {
  for (const [name, bytes] of [
    ["gzip", gzipSync("content")],
    ["nothing", Buffer.from("content")],
  ] as const) {
    it(`reads what is compressed by ${name}`, async () => {
      const source = await uncompressed(Readable.from([bytes], { objectMode: false }));
      const pieces: Buffer[] = [];
      for await (const piece of source as AsyncIterable<Buffer>) pieces.push(piece);
      assert.equal(Buffer.concat(pieces).toString(), "content");
    });
  }
});
