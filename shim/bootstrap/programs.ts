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

/** @param entry the script Node was started with (`process.argv[1]`): `<dist>/bin/…` or `<dist>/libexec/…` */
export function programsBeside(entry: string): Programs {
  const root = join(dirname(realpathSync(entry)), "..");
  const libexec = join(root, "libexec");
  // No flags of V8: those that differ from Node's own build make V8 refuse the code that Node keeps of its own modules.
  const node = [process.execPath, "--no-warnings"];
  return {
    installation: root,
    directory: join(root, "bin"),
    serve: [...node, join(libexec, "serve.cjs")],
    serveBundle: join(libexec, "serve.bundle.cjs"),
    keeper: [...node, join(libexec, "keeper.cjs"), root],
    vmWorker: [...node, join(libexec, "vm-worker.cjs")],
  };
}
