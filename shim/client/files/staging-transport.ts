/**
 * Files by way of a directory that host and container share, for containers whose image has no tar: a program that every
 * image of its kind has copies them between there and where they belong.
 */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join, posix, win32 } from "node:path";
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";
import type { GuestOs } from "../options/options.ts";
import { copyInto, copyOutOf, type ConfinedPath } from "./confined.ts";
import { hostPathOf } from "./mount-transport.ts";
import { copyInside, isDirectoryInside, makeDirectories } from "./guest-programs.ts";
import type { CopiedFile, FileTransport } from "./transport.ts";

/** Where a container that was asked for with `staging` has the directory. */
export const STAGING_PATH: Readonly<Record<GuestOs, string>> = {
  linux: "/chef/staging",
  windows: "C:\\chef\\staging",
};

/** The client's side of it, below the container's directory. */
export const STAGING_FOLDER = "staging";

export const stagingTransport: FileTransport = {
  name: "a staging directory",
  serves: async (container) =>
    (await container.info()).status === "running" && (await stagingOf(container)) !== undefined,
  upload: (container, copy, options) =>
    staged(container, async ({ onHost, inside, paths }) => {
      const copied = await copyInto(copy.hostPath, onHost, options);
      if (options.mkdirs === true) await makeDirectories(container, paths.dirname(copy.containerPath));
      const kind = copied.mode === undefined ? "directory" : "file";
      await copyInside(container, kind, inside, copy.containerPath);
      return copied;
    }),
  download: (container, copy, options) =>
    staged(container, async ({ onHost, inside }) => {
      const isDirectory = await isDirectoryInside(container, copy.containerPath);
      if (isDirectory && options.recursive !== true)
        throw new ClientError("InvalidArgument", "it is a directory: copy it with recursive", {
          path: copy.containerPath,
        });
      await copyInside(container, isDirectory ? "directory" : "file", copy.containerPath, inside);
      return copyOutOf(onHost, copy.hostPath, options);
    }),
};

/** A name in the staging directory, on both sides. */
interface Place {
  readonly inside: string;
  readonly onHost: ConfinedPath;
  /** Rules of the container's paths. */
  readonly paths: typeof posix;
}

/** What is in the place is gone again afterwards. */
async function staged(container: Container, use: (place: Place) => Promise<CopiedFile>): Promise<CopiedFile> {
  const staging = await stagingOf(container);
  if (staging === undefined) throw new ClientError("FailedPrecondition", "it has no staging directory");
  const { os } = await container.info();
  const paths = os === "windows" ? win32 : posix;
  const name = randomUUID();
  try {
    const onHost = { root: staging, components: [name] };
    return await use({ onHost, inside: paths.join(STAGING_PATH[os], name), paths });
  } finally {
    await rm(join(staging, name), { recursive: true, force: true });
  }
}

/** Its directory on the host; undefined for a container that was made without. */
async function stagingOf(container: Container): Promise<string | undefined> {
  const { os } = await container.info();
  const found = await hostPathOf(container, STAGING_PATH[os], false);
  return found?.components.length === 0 ? found.root : undefined;
}
