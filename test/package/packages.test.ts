/** What `npm run pack` makes, file by file. The executables themselves run in the suite `wine`. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { NtExecutable, NtExecutableResource, Resource } from "resedit";
import { parse } from "smol-toml";
import { parseAllDocuments } from "yaml";
import { findProgram } from "../../scripts/setup/programs.ts";
import { MINGW } from "../../scripts/setup/requirements.ts";
import { mustRun } from "../support/command.ts";

const ROOT = join(import.meta.dirname, "../..");
const WINDOWS = join(ROOT, "dist/win32-x64");
const LINUX = join(ROOT, "dist/linux-x64");
const ARCHIVES = join(ROOT, "dist/packages");
const EXECUTABLES = ["containerd-shim-runhcs-v1", "hcsctl", "agent"];
const { name, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly name: string;
  readonly version: string;
};

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Entries of a zip by its central directory (APPNOTE 4.3.12), as an unpacker finds them. */
function* zipEntries(archive: Buffer): Generator<{ readonly path: string; readonly content: Buffer }> {
  const end = archive.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      archive.readUInt16LE(at + field),
    ) as [number, number, number];
    const local = archive.readUInt32LE(at + 42);
    const data = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const packed = archive.subarray(data, data + archive.readUInt32LE(at + 20));
    yield {
      path: archive.toString("utf8", at + 46, at + 46 + nameLength),
      content: archive.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed),
    };
    at += 46 + nameLength + extraLength + commentLength;
  }
}

/** The papers of a package agree with its files. */
function papersOf(folder: string): void {
  const files = filesBelow(folder);

  it("lists every file with its SHA-256, as sha256sum checks it", async () => {
    await mustRun("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: folder });
    const listed = readFileSync(join(folder, "SHA256SUMS"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(66));
    assert.deepEqual(
      listed,
      files.filter((file) => file !== "SHA256SUMS"),
    );
  });

  it("has a bill of materials with every file and package, their digests and licences", () => {
    const bill = JSON.parse(readFileSync(join(folder, "sbom.cdx.json"), "utf8")) as {
      readonly bomFormat: string;
      readonly specVersion: string;
      readonly components: readonly {
        readonly type: string;
        readonly name: string;
        readonly purl?: string;
        readonly hashes: readonly { readonly alg: string; readonly content: string }[];
        readonly licenses?: readonly object[];
      }[];
    };
    assert.deepEqual([bill.bomFormat, bill.specVersion], ["CycloneDX", "1.6"]);
    const digests = new Map(
      bill.components
        .filter(({ type }) => type === "file")
        .map((component) => [component.name, component.hashes[0]?.content]),
    );
    const papers = ["SHA256SUMS", "sbom.cdx.json"];
    assert.deepEqual(
      [...digests.keys()],
      files.filter((file) => !papers.includes(file)),
    );
    for (const [file, digest] of digests) {
      const content = readFileSync(join(folder, file));
      assert.equal(createHash("sha256").update(content).digest("hex"), digest, file);
    }
    for (const { type, purl, licenses, hashes } of bill.components.filter(({ type }) => type !== "file")) {
      assert.equal(type, "library");
      assert.match(purl ?? "", /^pkg:npm\/(?:%40[\w.-]+\/)?[\w.-]+@\d/);
      assert.equal(licenses?.length, 1, purl);
      assert.match(hashes[0]?.content ?? "", /^[0-9a-f]{128}$/, purl);
    }
  });

  it("hands on the licence of every package in the bill", () => {
    const notices = readFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), "utf8");
    const bill = readFileSync(join(folder, "sbom.cdx.json"), "utf8");
    const { components } = JSON.parse(bill) as {
      readonly components: readonly {
        readonly type: string;
        readonly name: string;
        readonly version?: string;
      }[];
    };
    const packages = components.filter(({ type }) => type === "library");
    assert.ok(packages.some((component) => component.name === "winston"));
    for (const component of packages)
      assert.ok(notices.includes(`\n${component.name} ${component.version} (`), component.name);
    assert.match(readFileSync(join(folder, "LICENSE"), "utf8"), /Apache License/);
  });
}

describe("package win32-x64", () => {
  papersOf(WINDOWS);

  it("holds what the zip holds", () => {
    const archive = readFileSync(join(ARCHIVES, `${name}-${version}-win32-x64.zip`));
    const entries = [...zipEntries(archive)];
    assert.deepEqual(entries.map((entry) => entry.path).sort(), filesBelow(WINDOWS));
    for (const { path, content } of entries) {
      const file = readFileSync(join(WINDOWS, path));
      assert.ok(content.equals(file), `${path} differs`);
    }
  });

  for (const program of EXECUTABLES) {
    it(`has a ${program}.exe that says what it is and carries its own program`, () => {
      const bytes = readFileSync(join(WINDOWS, `${program}.exe`));
      // It would refuse a file that still has Node's signature, which does not hold any more.
      const resources = NtExecutableResource.from(NtExecutable.from(bytes));
      const [info] = Resource.VersionInfo.fromEntries(resources.entries);
      const texts = info?.getStringValues({ lang: 1033, codepage: 1200 });
      assert.equal(texts?.["ProductName"], name);
      assert.equal(texts?.["FileVersion"], version);
      assert.equal(texts?.["OriginalFilename"], `${program}.exe`);
      const blob = resources.entries.find(({ id }) => id === "NODE_SEA_BLOB");
      assert.ok((blob?.bin.byteLength ?? 0) > 10_000);
      assert.ok(bytes.includes("NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1"));
    });
  }

  it("has executables that know the native module beside them", () => {
    const digest = createHash("sha256")
      .update(readFileSync(join(WINDOWS, "koffi.node")))
      .digest("hex");
    for (const program of EXECUTABLES)
      assert.ok(readFileSync(join(WINDOWS, `${program}.exe`)).includes(digest), program);
  });

  it("names nothing of the machine that packed it", () => {
    for (const file of filesBelow(WINDOWS))
      assert.ok(!readFileSync(join(WINDOWS, file)).includes(ROOT), `${file} names ${ROOT}`);
  });

  it("has the launcher in C, where the packing machine has the compiler", function () {
    if (findProgram(MINGW) === undefined) return this.skip();
    const bytes = readFileSync(join(WINDOWS, "native/containerd-shim-runhcs-v1.exe"));
    assert.equal(bytes.toString("latin1", 0, 2), "MZ");
    assert.ok(bytes.length < 100_000, `${bytes.length} bytes`);
  });
});

describe("package linux-x64", () => {
  papersOf(LINUX);

  it("works where its archive is unpacked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "runhcs-package-"));
    try {
      const archive = join(ARCHIVES, `${name}-${version}-linux-x64.tar.gz`);
      await mustRun("tar", ["-xzf", archive, "-C", folder]);
      const root = join(folder, `${name}-${version}-linux-x64`);
      assert.deepEqual(filesBelow(root), filesBelow(LINUX));
      const shim = await mustRun(join(root, "bin/containerd-shim-runhcs-v1"), ["-v"]);
      assert.equal(shim, `containerd-shim-runhcs-v1 ${version}`);
      const launcher = await mustRun(join(root, "native/containerd-shim-runhcs-v1"), ["-v"]);
      assert.equal(launcher, shim);
      assert.match(await mustRun(join(root, "bin/hcsctl"), ["--help"]), /^hcsctl /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is a Debian package as well", async function () {
    if (findProgram("dpkg-deb") === undefined) return this.skip();
    const archive = join(ARCHIVES, `${name}_${version}_amd64.deb`);
    const field = (of: string): Promise<string> => mustRun("dpkg-deb", ["--field", archive, of]);
    assert.equal(await field("Version"), version);
    assert.match(await field("Depends"), /nodejs \(>= 20\.19\)/);
    const folder = mkdtempSync(join(tmpdir(), "runhcs-package-"));
    try {
      await mustRun("dpkg-deb", ["--extract", archive, folder]);
      const shim = join(folder, "usr/bin/containerd-shim-runhcs-v1");
      assert.equal(statSync(shim).mode & 0o777, 0o755);
      assert.equal(await mustRun(shim, ["-v"]), `containerd-shim-runhcs-v1 ${version}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

interface Handler {
  readonly runtime_type: string;
  readonly runtime_path?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

interface RuntimeClass {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly handler: string;
  readonly scheduling: { readonly nodeSelector: Readonly<Record<string, string>> };
}

describe("deployment files", () => {
  const files = [WINDOWS, LINUX].flatMap((folder) =>
    filesBelow(folder)
      .filter((file) => /^(?:containerd|kubernetes)\//.test(file))
      .map((file) => [file, readFileSync(join(folder, file), "utf8")] as const),
  );
  const handlers = new Map(
    files
      .filter(([file]) => file.endsWith(".toml"))
      .map(([file, text]) => {
        const { plugins } = parse(text) as unknown as {
          readonly plugins: Readonly<Record<string, { containerd: { runtimes: Record<string, Handler> } }>>;
        };
        return [file, plugins] as const;
      }),
  );
  const runtimesOf = (file: string): Readonly<Record<string, Handler>> =>
    Object.values(handlers.get(file) ?? {})[0]?.containerd.runtimes ?? {};

  it("configure containerd 1.x and 2.x alike, under the name of each one's CRI plugin", () => {
    for (const platform of ["windows", "linux"]) {
      const [one, two] = [`containerd/${platform}-v2.toml`, `containerd/${platform}-v3.toml`];
      assert.deepEqual(Object.keys(handlers.get(one) ?? {}), ["io.containerd.grpc.v1.cri"]);
      assert.deepEqual(Object.keys(handlers.get(two) ?? {}), ["io.containerd.cri.v1.runtime"]);
      assert.deepEqual(runtimesOf(one), runtimesOf(two));
    }
  });

  it("have handlers for process, hypervisor and HostProcess use", () => {
    const runtimes = runtimesOf("containerd/windows-v3.toml");
    assert.deepEqual(Object.keys(runtimes), ["runhcs-process", "runhcs-hypervisor", "runhcs-host-process"]);
    for (const handler of Object.values(runtimes)) {
      assert.equal(handler.runtime_type, "io.containerd.runhcs.v1");
      assert.equal(handler.runtime_path, "@SHIM@");
    }
    assert.equal(runtimes["runhcs-hypervisor"]?.options?.["SandboxIsolation"], 1);
  });

  it("have a RuntimeClass for every handler", () => {
    const classes = files
      .filter(([file]) => file.endsWith(".yaml"))
      .flatMap(([, text]) => parseAllDocuments(text).map((document) => document.toJS() as RuntimeClass));
    const names = (platform: string): string[] => Object.keys(runtimesOf(`containerd/${platform}-v3.toml`));
    assert.deepEqual(
      classes.map(({ handler }) => handler),
      [...names("windows"), ...names("linux")],
    );
    for (const { kind, metadata, scheduling } of classes) {
      assert.equal(kind, "RuntimeClass", metadata.name);
      assert.ok(scheduling.nodeSelector["kubernetes.io/os"]);
    }
  });
});
