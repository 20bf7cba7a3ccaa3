/** Makes one suite of tests per containerd release, each with a private containerd that its tests share. */
import { RELEASES, type ContainerdRelease, findRelease } from "../../scripts/containerd/releases.ts";
import { missingRequirements } from "../../scripts/setup/requirements.ts";
import { Containerd, type ContainerdOptions } from "./containerd.ts";
import { hostingUnderTest } from "./keeper.ts";
import { type TestRuntime, runtimeUnderTest } from "./runtime.ts";

/** Long enough for a machine that is busy with other things; a test that needs longer says so itself. */
const TEST_TIMEOUT_MS = 60_000;

export interface EachContainerdOptions {
  /** Release lines the suite is about; all of them unless said otherwise. */
  readonly lines?: readonly string[];
  /** The suite is about our shim and means nothing with another. */
  readonly oursOnly?: boolean;
  /** The suite needs pods that have processes of their own. */
  readonly ownProcesses?: true;
  /** After a test that failed, remove all pods and tasks: for suites whose tests share none of them. */
  readonly tidy?: boolean;
  /** How containerd is to be configured. */
  readonly configure?: (facts: {
    readonly version: string;
    readonly runtime: TestRuntime;
  }) => Omit<ContainerdOptions, "installation" | "runtime">;
}

/**
 * Declares `body` once for each release. `RUNHCS_TEST_CONTAINERD` narrows the releases down, for example to `1.6,2.1`.
 *
 * @param body gets a function that gives the containerd (to be called inside tests and hooks only), and the release,
 *   by which it may leave out tests that mean nothing there
 */
export function eachContainerd(
  title: string,
  options: EachContainerdOptions,
  body: (containerd: () => Containerd, release: ContainerdRelease) => void,
): void {
  if (options.ownProcesses === true && hostingUnderTest() === "shared") return;
  for (const release of selectedReleases(options.lines)) {
    describe(`${title}, containerd ${release.line}`, function () {
      this.timeout(TEST_TIMEOUT_MS);
      let containerd: Containerd | undefined;
      let failed = false;

      before(async function () {
        const reason = whyNot(options);
        if (reason !== undefined) {
          console.log(`      skipped: ${reason}`);
          this.skip();
        }
        const runtime = runtimeUnderTest();
        const installation = await findRelease(release);
        if (installation === undefined) {
          throw new Error(
            `cannot find containerd ${release.line}: run "node scripts/run.mjs containerd" first`,
          );
        }
        const configured = options.configure?.({ version: installation.version, runtime });
        containerd = await Containerd.start({ installation, runtime, ...configured });
      });

      afterEach(async function () {
        if (this.currentTest?.state !== "failed") return;
        failed = true;
        if (options.tidy === true) await containerd?.removeAll();
      });

      body(() => {
        if (containerd === undefined)
          throw new Error(`cannot use containerd ${release.line}: it has not been started`);
        return containerd;
      }, release);

      // Hooks run in the order in which they were declared: this one after those of the body.
      after(async () => {
        if (failed) console.log(`      log kept: ${containerd?.keepLog(title)}`);
        await containerd?.stop();
      });
    });
  }
}

function selectedReleases(lines: readonly string[] | undefined): ContainerdRelease[] {
  const wanted = process.env["RUNHCS_TEST_CONTAINERD"]?.split(",");
  return RELEASES.filter(({ line }) => (lines?.includes(line) ?? true) && (wanted?.includes(line) ?? true));
}

function whyNot(options: EachContainerdOptions): string | undefined {
  if (process.platform !== "linux")
    return `containerd with an emulator runs on linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "it makes namespaces, mounts and cgroups, which needs root";
  const missing = missingRequirements().map(({ name }) => name);
  if (missing.length > 0) return `this machine lacks ${missing.join(", ")}: run "node scripts/run.mjs setup"`;
  if (options.oursOnly === true && !runtimeUnderTest().ours) return "it is about our shim alone";
  return undefined;
}
