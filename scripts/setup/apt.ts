/** Packages from a Debian mirror: installed on the machine, or fetched from another suite without touching the machine. */
import { readFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import { type AptSource, findMainArchive, parseOneLineSources, parseStanzaSources } from "./apt-sources.ts";

const APT_TIMEOUT_MS = 10 * 60_000;

/** What /etc/os-release says; undefined on a machine without that file. */
export interface Distribution {
  readonly id: string;
  readonly codename: string;
  readonly name: string;
}

/** The Linux distribution this machine runs. */
export async function readDistribution(path: string = "/etc/os-release"): Promise<Distribution | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return { id: field("ID"), codename: field("VERSION_CODENAME"), name: field("PRETTY_NAME") };
}

/** Installs packages on this machine. Needs root. */
export async function installPackages(
  packages: readonly string[],
  update: (detail: string) => void,
): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  update("apt-get update");
  await mustRun("apt-get", ["update", "-qq"], { env, timeoutMs: APT_TIMEOUT_MS });
  update(packages.join(" "));
  await mustRun("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
    env,
    timeoutMs: APT_TIMEOUT_MS,
  });
}

/** The mirror this machine fetches Debian's main archive from. */
export async function findMirror(root: string = "/etc/apt"): Promise<AptSource> {
  const distribution = await readDistribution();
  if (distribution?.id !== "debian") {
    throw new Error(
      `cannot find a Debian mirror: this machine runs ${distribution?.name ?? "no known distribution"}`,
    );
  }
  const sources: AptSource[] = [];
  const parts = join(root, "sources.list.d");
  const names = await readdir(parts).catch(() => []);
  for (const path of [join(root, "sources.list"), ...names.sort().map((name) => join(parts, name))]) {
    const parse = path.endsWith(".list")
      ? parseOneLineSources
      : path.endsWith(".sources")
        ? parseStanzaSources
        : undefined;
    const text = parse === undefined ? undefined : await readFile(path, "utf8").catch(() => undefined);
    if (parse !== undefined && text !== undefined) sources.push(...parse(text));
  }
  const found = findMainArchive(sources, distribution.codename);
  if (found === undefined) {
    throw new Error(
      `cannot find a Debian mirror: no source in ${root} has the main archive of ${distribution.codename}`,
    );
  }
  return found;
}

/**
 * Fetches one package of a suite and unpacks it into `target`, with an apt state of our own in `workDirectory`: the
 * machine's own sources and package lists are read, never changed. apt checks signature and digest as always.
 *
 * @param target directory to be made; it appears complete or not at all
 */
export async function fetchPackage(options: {
  readonly name: string;
  readonly suite: string;
  readonly target: string;
  readonly workDirectory: string;
  readonly update: (detail: string) => void;
}): Promise<void> {
  const { name, suite, target, workDirectory: work, update } = options;
  const mirror = await findMirror();
  for (const directory of ["state/lists/partial", "cache/archives/partial", "deb"]) {
    await mkdir(join(work, directory), { recursive: true });
  }
  const signed = mirror.signedBy === undefined ? "" : `[signed-by=${mirror.signedBy}] `;
  await writeFile(join(work, "sources.list"), `deb ${signed}${mirror.uri} ${suite} main\n`);
  await writeFile(join(work, "status"), "");
  await writeFile(join(work, "apt.conf"), aptConfiguration(work));
  const env = { APT_CONFIG: join(work, "apt.conf") };
  update(`package list of ${suite}`);
  await mustRun("apt-get", ["update", "-qq"], { env, timeoutMs: APT_TIMEOUT_MS });
  update(`package ${name} of ${suite}`);
  await mustRun("apt-get", ["download", "-qq", name], {
    env,
    cwd: join(work, "deb"),
    timeoutMs: APT_TIMEOUT_MS,
  });
  const archive = (await readdir(join(work, "deb"))).find((file) => file.endsWith(".deb"));
  if (archive === undefined)
    throw new Error(`cannot fetch package ${name} of ${suite}: apt-get left no file`);
  const unpacked = join(work, "unpacked");
  update(`unpacking ${archive}`);
  await mustRun("dpkg-deb", ["--extract", join(work, "deb", archive), unpacked]);
  await rm(target, { recursive: true, force: true });
  await rename(unpacked, target);
}

function aptConfiguration(work: string): string {
  const settings = {
    "Dir::State": join(work, "state"),
    "Dir::State::Lists": join(work, "state/lists"),
    "Dir::State::status": join(work, "status"),
    "Dir::Cache": join(work, "cache"),
    "Dir::Etc::SourceList": join(work, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::Preferences": "/dev/null",
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Acquire::Languages": "none",
    // A mirror may be a frozen copy whose lists have run out. Signatures are checked all the same.
    "Acquire::Check-Valid-Until": "false",
    // The unprivileged user apt would switch to cannot write into a directory of ours.
    "APT::Sandbox::User": "root",
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key} "${value}";\n`)
    .join("");
}
