/** Gets the containerd releases that are not on this machine from the suites of its own Debian mirror. */
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fetchPackage } from "../setup/apt.ts";
import { cacheDirectory } from "../setup/cache.ts";
import { SetupError } from "../setup/setup.ts";
import type { Reporter, Update } from "../terminal/reporter.ts";
import {
  type ContainerdInstallation,
  type ContainerdRelease,
  RELEASES,
  containerdCache,
  findRelease,
  inspectInstallation,
} from "./releases.ts";

/** Finds or fetches each release, in order. */
export async function fetchAll(
  reporter: Reporter,
  releases: readonly ContainerdRelease[] = RELEASES,
): Promise<ContainerdInstallation[]> {
  const installations: ContainerdInstallation[] = [];
  for (const release of releases) {
    const found = await findRelease(release);
    installations.push(
      found ??
        (await reporter.step(`fetch containerd ${release.line} (suite ${release.suite})`, (update) =>
          fetchRelease(release, update),
        )),
    );
  }
  return installations;
}

/**
 * Fetches one release into the cache. The folder appears complete or not at all, so that two runs may race.
 *
 * @throws {SetupError} when the suite has moved on to a version outside the line
 */
export async function fetchRelease(
  release: ContainerdRelease,
  update: Update,
): Promise<ContainerdInstallation> {
  await mkdir(containerdCache(), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), ".fetch-"));
  try {
    const unpacked = join(work, "containerd");
    await fetchPackage({
      name: "containerd",
      suite: release.suite,
      target: unpacked,
      workDirectory: work,
      update,
    });
    const installation = await inspectInstallation(release.line, join(unpacked, "usr/bin"));
    if (installation === undefined) {
      throw new SetupError(
        `cannot use containerd of suite ${release.suite}: its programs do not run on this machine`,
      );
    }
    if (!release.accepts.test(installation.version)) {
      throw new SetupError(
        `cannot use containerd of suite ${release.suite}: it is ${installation.version}, wanted a ${release.line} release`,
      );
    }
    const home = join(containerdCache(), installation.version);
    await rm(home, { recursive: true, force: true });
    await rename(unpacked, home).catch((error: NodeJS.ErrnoException) => {
      // Another run fetched the same version meanwhile: its copy is as good as ours.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    update(installation.version);
    return { ...installation, directory: join(home, "usr/bin") };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
