/** Brings a machine to the point where pods run on the emulator. Does nothing where nothing is missing. */
import { installPackages, readDistribution } from "./apt.ts";
import { findProgram } from "./programs.ts";
import { REQUIREMENTS, type Requirement, missingRequirements, packagesOf } from "./requirements.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** A machine that lacks something which this script may not or cannot install. The message says how to get it. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/**
 * Installs what is missing, on Debian and its derivatives as root.
 *
 * @throws {SetupError} where it cannot, with the list of what is missing and the command that gets it
 */
export async function setUpMachine(
  reporter: Reporter,
  requirements: readonly Requirement[] = REQUIREMENTS,
): Promise<void> {
  if (process.platform !== "linux") {
    throw new SetupError(
      `cannot set up this machine: the emulator runs on linux only, this is ${process.platform}`,
    );
  }
  const missing = missingRequirements(requirements);
  if (missing.length === 0) return;
  const packages = packagesOf(missing);
  const distribution = await readDistribution();
  if (findProgram("apt-get") === undefined) {
    throw new SetupError(
      `${listMissing(missing)}\n${distribution?.name ?? "this system"} has no apt-get; install what these Debian packages hold: ${packages.join(" ")}`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      `${listMissing(missing)}\nrun: sudo apt-get install --no-install-recommends ${packages.join(" ")}`,
    );
  }
  await reporter.step("install packages", (update) => installPackages(packages, update));
  const still = missingRequirements(requirements);
  if (still.length > 0) throw new SetupError(`${listMissing(still)}\nafter installing ${packages.join(" ")}`);
}

/** Refuses to go on without root, which namespaces, mounts and cgroups need. */
export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      `cannot run ${what}: it makes namespaces, mounts and cgroups, which needs root (sudo)`,
    );
  }
}

function listMissing(missing: readonly Requirement[]): string {
  const lines = missing.map(
    ({ name, debianPackage, purpose }) => `  ${name} (package ${debianPackage}): ${purpose}`,
  );
  return ["cannot go on without:", ...lines].join("\n");
}
