/**
 * From a Create request to what is to be created: the bundle's spec, the options that apply, and the checks that need
 * nothing else.
 */
import path from "node:path";
import type { HcsBackend } from "../../hcs/api.ts";
import { foldersOfOverlay } from "../../oci/windows/overlay-layers.ts";
import { parseSpec, type Spec } from "../../oci/spec.ts";
import { SpecError } from "../../oci/errors.ts";
import type { CreateTaskRequest } from "../../protos/gen/task-v2.ts";
import { bundleFile } from "../bootstrap/bundle.ts";
import { messageOf, ShimError } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import { readAnnotations, type OptionWarning, type Options } from "../options/own.ts";
import { readRuntimeOptions } from "../options/runtime.ts";
import type { CreateRequest } from "../pod/request.ts";
import { decide } from "./decide.ts";
import { withSecurityPolicy } from "./security-policy.ts";

export async function prepareCreate(
  request: CreateTaskRequest,
  processOptions: Options,
  logger: Logger,
  backend: Pick<HcsBackend, "files" | "traits">,
): Promise<CreateRequest> {
  const runtime = await readRuntimeOptions(request.options);
  logWarnings(logger, request.id, runtime.warnings);
  const decisions = decide(await readBundleSpec(request, backend), runtime, (warning) =>
    logger.warn("input was not followed", { task: request.id, ...warning }),
  );
  const annotations = readAnnotations(decisions.spec.annotations);
  logWarnings(logger, request.id, annotations.warnings);
  const options = processOptions.with(runtime.own).with(annotations);
  const spec = withSecurityPolicy(decisions.spec, options, (warning) =>
    logger.warn("security policy", { task: request.id, warning }),
  );
  return {
    id: request.id,
    bundle: request.bundle,
    // Where the host is Linux, so are its snapshotters.
    rootfs:
      backend.traits.paths === "posix" && decisions.isolation !== "linux-vm"
        ? request.rootfs.map(foldersOfOverlay)
        : request.rootfs,
    terminal: request.terminal,
    stdio: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
    ...decisions,
    spec,
    scaleProcessorLimit: runtime.runhcs.scaleCpuLimitsToSandbox,
    scrubLogs: runtime.runhcs.scrubLogs ?? true,
    options,
  };
}

async function readBundleSpec(
  request: CreateTaskRequest,
  { files, traits }: Pick<HcsBackend, "files" | "traits">,
): Promise<Spec> {
  if (request.id === "") throw new ShimError("REQUEST_INVALID", "cannot create a task: its id is empty");
  if (request.bundle === "")
    throw new ShimError("REQUEST_INVALID", `cannot create "${request.id}": its bundle is empty`);
  const config = bundleFile(request.bundle, "config", path[traits.paths]);
  let text: string;
  try {
    text = Buffer.from(await files.readFile(config)).toString("utf8");
  } catch (cause) {
    throw new SpecError({ at: config, rule: `cannot be read: ${messageOf(cause)}`, cause });
  }
  return parseSpec(text);
}

function logWarnings(logger: Logger, task: string, warnings: readonly OptionWarning[]): void {
  for (const { option, source, message } of warnings)
    logger.warn("option was not followed", { task, option, source, message });
}
