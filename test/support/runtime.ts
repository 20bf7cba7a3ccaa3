/** Which shim the integration tests drive: ours, or containerd's own to check the tests themselves. */
import { join } from "node:path";
import { stringify } from "smol-toml";
import { hostingUnderTest } from "./keeper.ts";
import { isExecutable } from "../../scripts/setup/programs.ts";

/** A shim, as containerd's configuration knows it. */
export interface TestRuntime {
  /** Whether it is the shim of this repository. */
  readonly ours: boolean;
  /** Runtime type: containerd derives the name of the binary from it. */
  readonly type: string;
  /** Folder of the binary, for containerd's PATH; undefined for a shim that comes with containerd. */
  readonly folder?: string;
}

const REPOSITORY = join(import.meta.dirname, "../..");

/**
 * Our shim: as `npm run build` leaves it, behind its launcher where the keeper hosts pods, or in the folder that
 * `RUNHCS_TEST_SHIM_FOLDER` names.
 */
export const RUNHCS: TestRuntime = {
  ours: true,
  type: "io.containerd.runhcs.v1",
  folder:
    process.env["RUNHCS_TEST_SHIM_FOLDER"] ??
    join(REPOSITORY, hostingUnderTest() === "process" ? "dist/bin" : "dist/native"),
};

/** The Go shim that comes with containerd. */
export const RUNC: TestRuntime = { ours: false, type: "io.containerd.runc.v2" };

/**
 * The runtime that `RUNHCS_TEST_RUNTIME` names; ours without it.
 *
 * @throws when our shim has not been built
 */
export function runtimeUnderTest(environment: NodeJS.ProcessEnv = process.env): TestRuntime {
  const wanted = environment["RUNHCS_TEST_RUNTIME"] ?? RUNHCS.type;
  const runtime = [RUNHCS, RUNC].find(({ type }) => type === wanted);
  if (runtime === undefined) {
    throw new Error(`cannot test runtime "${wanted}": known are ${RUNHCS.type} and ${RUNC.type}`);
  }
  if (runtime.folder !== undefined && !isExecutable(join(runtime.folder, "containerd-shim-runhcs-v1"))) {
    throw new Error(
      `cannot test runtime "${wanted}": ${runtime.folder} has no shim, run "npm run build" first`,
    );
  }
  return runtime;
}

/**
 * The text of our node file, which the shim reads from where `RUNHCS_CONFIG` points.
 *
 * @param directories where the emulator keeps its systems (short, because sockets are made below it), and where the
 *   shim keeps journals
 */
export function nodeFile(
  directories: { readonly emulator: string; readonly journals: string },
  settings: Readonly<Record<string, unknown>> = {},
): string {
  return stringify({
    state_directory: directories.journals,
    ...settings,
    emulator: {
      state_directory: directories.emulator,
      // What waits for the next pod waits longer than any suite takes.
      spare_idle: "2h",
      ...(settings["emulator"] as object | undefined),
    },
  });
}
