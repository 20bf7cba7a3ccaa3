/** Where the programs of one installation are, relative to the one that runs. */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isSea } from "node:sea";

export interface Programs {
  /** What is replaced as a whole. */
  readonly installation: string;
  /** Where the executables are. */
  readonly directory: string;
  /** Program and arguments of the long-lived shim process. */
  readonly serve: readonly string[];
  /** Its bundle, for a process that becomes one; absent where `start` cannot. */
  readonly serveBundle?: string;
  /** Program and arguments of the keeper. */
  readonly keeper: readonly string[];
  /** Program and arguments of the emulator's VM worker. */
  readonly vmWorker: readonly string[];
}

/** The programs of the installation that this process runs from. */
export function ownPrograms(): Programs {
  return isSea() ? programsIn(process.execPath) : programsBeside(process.argv[1] ?? "");
}

/** @param executable a single executable: it serves and keeps by itself, and has no emulator */
export function programsIn(executable: string): Programs {
  const directory = dirname(executable);
  return {
    installation: directory,
    directory,
    serve: [executable],
    keeper: [executable, "keeper", directory],
    vmWorker: [],
  };
}

/**
 * Flags of V8 for the long-lived processes: a burst of calls does not grow their young generation to the 48 MB it may otherwise
 * have. The code kept by the build is for these.
 */
export const DAEMON_FLAGS: readonly string[] = ["--max-semi-space-size=4"];

/** @param entry the script Node was started with (`process.argv[1]`): `<dist>/bin/…` or `<dist>/libexec/…` */
export function programsBeside(entry: string): Programs {
  const root = join(dirname(realpathSync(entry)), "..");
  const libexec = join(root, "libexec");
  const node = [process.execPath, "--no-warnings"];
  return {
    installation: root,
    directory: join(root, "bin"),
    serve: [...node, ...DAEMON_FLAGS, join(libexec, "serve.cjs")],
    serveBundle: join(libexec, "serve.bundle.cjs"),
    keeper: [...node, ...DAEMON_FLAGS, join(libexec, "keeper.cjs"), root],
    vmWorker: [...node, join(libexec, "vm-worker.cjs")],
  };
}
