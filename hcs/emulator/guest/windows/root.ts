/** The root directory of a silo: links and mount points, which a read-only root has to have before. */
import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { EXCHANGE, PREFIX, type ProgramDirectory } from "./silo-spec.ts";

const PROGRAM_DIRECTORIES = [
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/usr",
  "/etc",
  "/opt",
  "/nix",
];

/** The program directories this machine has. */
export function programDirectories(): ProgramDirectory[] {
  return PROGRAM_DIRECTORIES.filter((path) => existsSync(path)).map((path) =>
    lstatSync(path).isSymbolicLink() ? { path, link: readlinkSync(path) } : { path },
  );
}

export function prepareRoot(root: string, programs: readonly ProgramDirectory[]): void {
  for (const directory of ["proc", "dev", "tmp", EXCHANGE, PREFIX])
    mkdirSync(join(root, directory), { recursive: true });
  for (const { path, link } of programs) {
    if (link === undefined) mkdirSync(join(root, path));
    else symlinkSync(link, join(root, path));
  }
}
