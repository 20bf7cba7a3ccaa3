/**
 * Makes the packages that are installed on nodes, below `dist/`. The same sources give the same bytes.
 *
 *     npm run pack                 all packages
 *     npm run pack -- win32-x64    one
 *
 *   dist/win32-x64/    what the zip for Windows holds: executables, native module, installer, configuration, papers
 *   dist/linux-x64/    what the archives for Linux hold
 *   dist/packages/     the archives
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./build/bundle.ts";
import { debianPackage, layOut, tarGzip, writeZip, type LinuxTree } from "./pack/archives.ts";
import { debianTree, packLinux, portableTree } from "./pack/linux.ts";
import { PRODUCT, withPapers } from "./pack/product.ts";
import { packWindows } from "./pack/windows.ts";
import { findProgram } from "./setup/programs.ts";
import { formatBytes } from "./terminal/format.ts";
import { createReporter, type Update } from "./terminal/reporter.ts";
import { buildExecutables } from "./test/preparation.ts";

const DIST = join(ROOT, "dist");
const ARCHIVES = join(DIST, "packages");
const NAME = `${PRODUCT.name}-${PRODUCT.version}`;

/** @returns the archives it made, below `dist/packages` */
type Packer = (work: string, update: Update) => Promise<readonly string[]>;

const PACKERS: Readonly<Record<string, Packer>> = {
  "win32-x64": async (work, update) => {
    const files = withPapers(await packWindows(work, update));
    replaceFolder(
      join(DIST, "win32-x64"),
      new Map([...files].map(([path, content]) => [path, { content, executable: false }])),
    );
    const archive = `${NAME}-win32-x64.zip`;
    update(archive);
    await writeZip(files, join(ARCHIVES, archive));
    return [archive];
  },
  "linux-x64": async (work, update) => {
    const files = withPapers(await packLinux());
    replaceFolder(join(DIST, "linux-x64"), portableTree(files));
    const archive = `${NAME}-linux-x64.tar.gz`;
    update(archive);
    layOut(portableTree(files), join(work, `${NAME}-linux-x64`));
    await tarGzip(work, `${NAME}-linux-x64`, join(ARCHIVES, archive));
    if (findProgram("dpkg-deb") === undefined) return [archive];
    const debian = `${PRODUCT.name}_${PRODUCT.version}_amd64.deb`;
    update(debian);
    layOut(debianTree(files), join(work, "debian"));
    await debianPackage(join(work, "debian"), join(ARCHIVES, debian));
    return [archive, debian];
  },
};

function replaceFolder(folder: string, tree: LinuxTree): void {
  rmSync(folder, { recursive: true, force: true });
  layOut(tree, folder);
}

const reporter = createReporter();
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => PACKERS[name] === undefined);
if (unknown !== undefined) {
  console.error(`cannot pack "${unknown}": known are ${Object.keys(PACKERS).join(", ")}`);
  process.exit(2);
}
reporter.heading(`Pack ${NAME}`);
// First: building takes away what was packed from other sources.
await reporter.step("build", () => buildExecutables());
mkdirSync(ARCHIVES, { recursive: true });
for (const [platform, pack] of Object.entries(PACKERS)) {
  if (wanted.length > 0 && !wanted.includes(platform)) continue;
  const work = mkdtempSync(join(tmpdir(), "runhcs-pack-"));
  try {
    const archives = await reporter.step(platform, (update) => pack(work, update));
    for (const archive of archives)
      reporter.note(`dist/packages/${archive}  ${formatBytes(readFileSync(join(ARCHIVES, archive)).length)}`);
    if (platform === "linux-x64" && archives.length === 1)
      reporter.note("no Debian package: this machine has no dpkg-deb");
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
