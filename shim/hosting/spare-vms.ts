/**
 * VMs that are as good as booted before a pod needs them: booting one is most of what a pod of the emulator waits for. A process
 * with a pod of its own has one booted while it boots itself, those of the keeper while they wait for a pod. Nothing here waits
 * until one is ready, or loads what makes VMs.
 */
import type { SpareWorkers } from "../../hcs/emulator/systems/spare-workers.ts";
import { bundleFile, readIfPresent } from "../bootstrap/bundle.ts";
import type { Programs } from "../bootstrap/programs.ts";
import type { ShimFlags } from "../flags.ts";
import type { Options } from "../options/own.ts";

/** Those of one process. */
export type SpareVms = SpareWorkers;

/** Begins to boot one. @returns undefined where VMs are not made that way */
export async function prepareVm(options: Options, programs: Programs): Promise<SpareVms | undefined> {
  if (process.platform === "win32" || !options.emulatorSpareVm) return undefined;
  const [{ SpareWorkers }, { workerEnvironment }] = await Promise.all([
    import("../../hcs/emulator/systems/spare-workers.ts"),
    import("../../hcs/emulator/systems/worker-launch.ts"),
  ]);
  const spares = new SpareWorkers({
    stateDirectory: options.emulatorStateDirectory,
    command: programs.vmWorker,
    environment: workerEnvironment(),
    idleMs: options.emulatorSpareIdleMs,
  });
  spares.prepare();
  return spares;
}

/** {@link prepareVm}, where the bundle of the pod says that it will need one. */
export async function prepareVmFor(
  { bundle }: ShimFlags,
  options: Options,
  programs: Programs,
): Promise<SpareVms | undefined> {
  return bundle !== undefined && hasLinuxSpec(bundle) ? prepareVm(options, programs) : undefined;
}

/** Windows pods need a VM of another kind or none; those of the Sandbox API have no spec yet. */
function hasLinuxSpec(bundle: string): boolean {
  try {
    const spec = JSON.parse(readIfPresent(bundleFile(bundle, "config")) ?? "{}") as {
      readonly linux?: unknown;
    };
    return spec.linux !== undefined;
  } catch {
    // Whoever creates the task reads it again, and says what is wrong.
    return false;
  }
}
