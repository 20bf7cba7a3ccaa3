/**
 * From a Create request to what is to be created: the bundle's spec, the options that apply, and the checks that need
 * nothing else.
 */
import { readFileSync } from "node:fs";
import { identityOf } from "../../oci/identity.ts";
import { parseSpec, type Spec } from "../../oci/spec.ts";
import { SpecError } from "../../oci/errors.ts";
import type { CreateTaskRequest } from "../../protos/gen/task-v2.ts";
import { bundleFile } from "../bootstrap/bundle.ts";
import { messageOf, ShimError } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import { readAnnotations, type OptionWarning, type Options } from "../options/own.ts";
import { readRuntimeOptions, type RuntimeOptions } from "../options/runtime.ts";
import { OptionsSandboxIsolation } from "../../protos/gen/runhcs.ts";
import type { CreateRequest } from "../pod/request.ts";
import { withOptionAnnotations } from "./option-annotations.ts";

export async function prepareCreate(
  request: CreateTaskRequest,
  processOptions: Options,
  logger: Logger,
): Promise<CreateRequest> {
  const runtime = await readRuntimeOptions(request.options);
  const spec = withOptionAnnotations(readBundleSpec(request), runtime.runhcs);
  const annotations = readAnnotations(spec.annotations);
  logWarnings(logger, request.id, [...runtime.warnings, ...annotations.warnings]);
  checkIsolation(request.id, spec, runtime);
  checkPlatform(request.id, spec, runtime.runhcs.sandboxPlatform);
  return {
    id: request.id,
    bundle: request.bundle,
    rootfs: request.rootfs,
    terminal: request.terminal,
    stdio: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
    spec,
    identity: identityOf(spec.annotations),
    isolation: "linux-vm",
    options: processOptions.with(runtime.own).with(annotations),
  };
}

function readBundleSpec(request: CreateTaskRequest): Spec {
  if (request.id === "") throw new ShimError("REQUEST_INVALID", "cannot create a task: its id is empty");
  if (request.bundle === "")
    throw new ShimError("REQUEST_INVALID", `cannot create "${request.id}": its bundle is empty`);
  const path = bundleFile(request.bundle, "config");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new SpecError({ at: path, rule: `cannot be read: ${messageOf(cause)}`, cause });
  }
  return parseSpec(text);
}

/** What the runtime handler was configured for, against what the spec is. */
function checkIsolation(id: string, spec: Spec, runtime: RuntimeOptions): void {
  if (spec.linux === undefined) {
    throw new ShimError(
      "UNSUPPORTED",
      `cannot create "${id}": this version runs Linux containers (a spec with a "linux" section) only`,
    );
  }
  const wantsVm = runtime.runhcs.sandboxIsolation === OptionsSandboxIsolation.HYPERVISOR;
  if (!wantsVm && !runtime.isEmpty) {
    throw new SpecError({
      at: "runtime option SandboxIsolation",
      rule: "must be 1 (hypervisor): a Linux container runs in a utility VM, and other options of this runtime handler are set",
      value: runtime.runhcs.sandboxIsolation,
    });
  }
}

/** `linux/amd64` */
const PLATFORM = /^(windows|linux)(?:\/[a-z0-9]+){0,2}$/;

function checkPlatform(id: string, spec: Spec, platform: string): void {
  if (platform === "") return;
  const os = PLATFORM.exec(platform)?.[1];
  const actual = spec.linux === undefined ? "windows" : "linux";
  if (os === actual) return;
  const rule =
    os === undefined
      ? 'must be a platform such as "windows/amd64"'
      : `must be ${actual}: that is what the spec of "${id}" is for`;
  throw new SpecError({ at: "runtime option SandboxPlatform", rule, value: platform });
}

function logWarnings(logger: Logger, task: string, warnings: readonly OptionWarning[]): void {
  for (const { option, source, message } of warnings)
    logger.warn("option was not followed", { task, option, source, message });
}
