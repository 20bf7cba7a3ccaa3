/** Programs for files that every image of an operating system has. */
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";
import type { GuestOs } from "../options/options.ts";
import { runInside, statusInside } from "./run-inside.ts";

type Copying = (from: string, to: string) => readonly string[];
type Naming = (path: string) => readonly string[];

interface GuestPrograms {
  readonly copy: Readonly<Record<"file" | "directory", Copying>>;
  /** With those above it; one that is there already is success. */
  readonly makeDirectory: Naming;
  /** Ends with 0 for a directory. */
  readonly isDirectory: Naming;
}

const PROGRAMS: Readonly<Record<GuestOs, GuestPrograms>> = {
  linux: {
    copy: {
      file: (from, to) => ["cp", "-fpL", from, to],
      // The dot: into the directory that is there, not below it.
      directory: (from, to) => ["cp", "-fpRL", `${from}/.`, to],
    },
    makeDirectory: (path) => ["mkdir", "-p", path],
    isDirectory: (path) => ["test", "-d", path],
  },
  windows: {
    copy: {
      file: (from, to) => ["cmd", "/c", "copy", "/y", "/b", from, to],
      directory: (from, to) => ["xcopy", "/e", "/i", "/y", "/q", from, to],
    },
    makeDirectory: (path) => ["cmd", "/c", "if", "not", "exist", `${path}\\`, "mkdir", path],
    isDirectory: (path) => ["cmd", "/c", "cd", "/d", path],
  },
};

export async function makeDirectories(container: Container, directory: string): Promise<void> {
  const { makeDirectory } = await programsOf(container, [directory]);
  await runInside(container, makeDirectory(directory));
}

/** A directory's contents go into a directory, which is made when it is not there. */
export async function copyInside(
  container: Container,
  kind: "file" | "directory",
  from: string,
  to: string,
): Promise<void> {
  const { copy } = await programsOf(container, [from, to]);
  if (kind === "directory") await makeDirectories(container, to);
  await runInside(container, copy[kind](from, to));
}

export async function isDirectoryInside(container: Container, path: string): Promise<boolean> {
  const { isDirectory } = await programsOf(container, [path]);
  return (await statusInside(container, isDirectory(path))).exitCode === 0;
}

/** @throws {ClientError} InvalidArgument for a path that cmd.exe would read as more than a path */
async function programsOf(container: Container, paths: readonly string[]): Promise<GuestPrograms> {
  const { os } = await container.info();
  for (const path of paths) {
    const [special] = os === "windows" ? (/[&|<>^%"()!]/.exec(path) ?? []) : [];
    if (special !== undefined)
      throw new ClientError(
        "InvalidArgument",
        `invalid containerPath: must not contain ${special}, which cmd.exe has another use for (found "${path}")`,
        { value: path },
      );
  }
  return PROGRAMS[os];
}
