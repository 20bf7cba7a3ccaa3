import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "../../support/command.ts";
import { buildArchive } from "../../support/image.ts";
import { writeTar } from "../../support/tar.ts";

describe("images", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "image-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  async function unpack(archive: Buffer, name: string): Promise<string> {
    writeFileSync(join(directory, `${name}.tar`), archive);
    await mustRun("mkdir", [join(directory, name)]);
    await mustRun("tar", ["-xf", join(directory, `${name}.tar`), "-C", join(directory, name)]);
    return join(directory, name);
  }

  describe("writeTar", () => {
    it("is read by tar, with content of every size around a block", async () => {
      const sizes = [0, 1, 511, 512, 513];
      const archive = writeTar(
        sizes.map((size) => ({ type: "file", path: `file-${size}`, content: Buffer.alloc(size, "x") })),
      );
      const root = await unpack(archive, "sizes");
      assert.deepEqual(
        sizes.map((size) => readFileSync(join(root, `file-${size}`)).length),
        sizes,
      );
    });

    it("keeps modes, directories and links", async () => {
      const archive = writeTar([
        { type: "directory", path: "d/", mode: 0o1777 },
        { type: "file", path: "d/program", content: "#!", mode: 0o755 },
        { type: "link", path: "d/alias", target: "program" },
      ]);
      const root = await unpack(archive, "modes");
      const modes = await mustRun("stat", [
        "-c",
        "%a %F",
        join(root, "d"),
        join(root, "d/program"),
        join(root, "d/alias"),
      ]);
      assert.equal(modes, "1777 directory\n755 regular file\n777 symbolic link");
    });

    it("refuses a name that does not fit", () => {
      const path = "x".repeat(101);
      assert.throws(() => writeTar([{ type: "file", path, content: "" }]), /name is over 100 bytes/);
    });
  });

  describe("buildArchive", () => {
    const busybox = Buffer.from("not really busybox");

    it("gives the same bytes each time", () => {
      assert.deepEqual(buildArchive(busybox, ["sh", "ls"]), buildArchive(busybox, ["sh", "ls"]));
    });

    it("holds an index of two images whose blobs have the digests that name them", async () => {
      const root = await unpack(buildArchive(busybox, ["busybox", "sh", "ls"]), "archive");
      for (const name of readdirSync(join(root, "blobs/sha256"))) {
        const blob = readFileSync(join(root, "blobs/sha256", name));
        assert.equal(createHash("sha256").update(blob).digest("hex"), name);
      }
      const index = JSON.parse(readFileSync(join(root, "index.json"), "utf8")) as {
        manifests: { digest: string; annotations: Record<string, string> }[];
      };
      assert.deepEqual(
        index.manifests.map((manifest) => manifest.annotations["io.containerd.image.name"]),
        ["localhost/busybox:test", "localhost/pause:test"],
      );
      const blob = (digest: string): Buffer =>
        readFileSync(join(root, "blobs/sha256", digest.slice("sha256:".length)));
      const manifest = JSON.parse(blob(index.manifests[0]!.digest).toString()) as {
        layers: { digest: string }[];
      };
      const layer = await unpack(blob(manifest.layers[0]!.digest), "layer");
      assert.equal(readlinkSync(join(layer, "bin/sh")), "busybox");
      assert.deepEqual(readFileSync(join(layer, "bin/busybox")), busybox);
    });
  });
});
