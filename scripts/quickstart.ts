/**
 * From nothing to a pod: installs what is missing, builds, starts a private containerd in a temporary directory, runs a
 * pod with two containers on the HCS emulator, shows it, removes it, and checks that nothing was left.
 *
 *     npm run quickstart
 */
import { dirname } from "node:path";
import { Containerd } from "../test/support/containerd.ts";
import { RUNHCS } from "../test/support/runtime.ts";
import { type ContainerdInstallation, inspectInstallation } from "./containerd/releases.ts";
import { Interrupted, interruptible } from "./quickstart/interruption.ts";
import { WINDOWS_DIRECTORY } from "../test/support/windows-containers.ts";
import { runTour } from "./quickstart/tour.ts";
import { runWindowsTour } from "./quickstart/windows-tour.ts";
import { findProgram } from "./setup/programs.ts";
import { REQUIREMENTS, WINDOWS_REQUIREMENTS } from "./setup/requirements.ts";
import { SetupError, requireRoot, setUpMachine } from "./setup/setup.ts";
import { formatDuration } from "./terminal/format.ts";
import { type Reporter, createReporter } from "./terminal/reporter.ts";
import { buildExecutables } from "./test/preparation.ts";

const OLDEST_CONTAINERD = "1.6";

/** Show Windows containers too, which need Wine and a compiler for Windows. */
const withWindows = process.argv.includes("--windows");

async function prepare(reporter: Reporter): Promise<ContainerdInstallation> {
  reporter.heading("Prepare");
  requireRoot("the quickstart");
  await setUpMachine(reporter, withWindows ? [...REQUIREMENTS, ...WINDOWS_REQUIREMENTS] : REQUIREMENTS);
  await reporter.step("programs", (update) => update(`${REQUIREMENTS.length} found`));
  await reporter.step("build the shim", () => buildExecutables());
  const directory = dirname(findProgram("containerd") ?? "");
  const installation = await inspectInstallation("installed", directory);
  if (installation === undefined || parseFloat(installation.version) < parseFloat(OLDEST_CONTAINERD)) {
    throw new SetupError(
      `cannot use containerd in ${directory}: version ${installation?.version ?? "unknown"}, wanted ${OLDEST_CONTAINERD} or later`,
    );
  }
  return installation;
}

/** Takes everything away and says what had been left. */
async function takeDown(reporter: Reporter, containerd: Containerd, hasPods: boolean): Promise<boolean> {
  if (hasPods) await reporter.step("remove pods", () => containerd.removeAll()).catch(() => undefined);
  const left = await reporter.step("stop containerd, look for leftovers", () => containerd.takeDown());
  if (left.length > 0) {
    reporter.warn(`left behind: ${left.length} things`);
    reporter.note(...left);
    return false;
  }
  reporter.note("left behind: no process, no mount, no namespace, no cgroup, no file");
  return true;
}

async function main(reporter: Reporter): Promise<number> {
  const started = performance.now();
  let containerd: Containerd | undefined;
  let status = 0;
  try {
    await interruptible(reporter, async (stepwise) => {
      const installation = await prepare(stepwise);
      stepwise.heading("A containerd of our own");
      await stepwise.step(`containerd ${installation.version}, local image`, async (update) => {
        containerd = await Containerd.start({
          installation,
          runtime: RUNHCS,
          ...(withWindows ? { nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } } : {}),
        });
        update(containerd.directory);
        return containerd;
      });
      if (containerd !== undefined) await runTour(stepwise, containerd);
      if (containerd !== undefined && withWindows) await runWindowsTour(stepwise, containerd);
    });
  } catch (error) {
    status = error instanceof Interrupted ? 130 : 1;
    reporter.heading(error instanceof Error ? error.message : String(error));
  }
  if (containerd !== undefined && !(await takeDown(reporter, containerd, status !== 0))) status ||= 1;
  console.log(`\n${status === 0 ? "done" : "ended"} after ${formatDuration(performance.now() - started)}`);
  return status;
}

process.exit(await main(createReporter()));
