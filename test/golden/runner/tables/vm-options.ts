/** Specification and runtime options → options of the pod's VM, by their names in the reference. */
import { ScriptedBackend } from "../../../../hcs/scripted/backend.ts";
import type { Json } from "../../../../hcs/scripted/platform.ts";
import { Recorder } from "../../../../hcs/scripted/recorder.ts";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { bootFileNames, preferredBoot } from "../../../../oci/documents/linux-boot.ts";
import {
  checkLinuxVmOptions,
  readLinuxVmOptions,
  type GuestLogging,
} from "../../../../oci/documents/linux-vm-options.ts";
import { checkWindowsVmOptions, readWindowsVmOptions } from "../../../../oci/documents/windows-vm-options.ts";
import { SpecError } from "../../../../oci/errors.ts";
import { isIsolated } from "../../../../oci/isolation.ts";
import { readSpec, type Spec } from "../../../../oci/spec.ts";
import { Options } from "../../../../protos/gen/runhcs.ts";
import { podDevices } from "../../../../oci/vpci.ts";
import { findBootFiles } from "../../../../shim/pod/linux-vm/boot-files.ts";
import { withOptionAnnotations } from "../../../../shim/service/option-annotations.ts";
import type { CaseOptions } from "../case.ts";
import { SHIM_DIRECTORY } from "../names.ts";
import { optionsMessage } from "../requests.ts";
import { warningsJson } from "../warning-json.ts";
import { linuxOptions, windowsOptions } from "./vm-option-names.ts";

/** What the final check says of Windows options that would do: a table has no layers, and boot files are found there. */
export const NO_BOOT_FILES = "boot files not set";

export async function vmOptionsRow(row: Json, golden: CaseOptions): Promise<Json> {
  const options = row["options"] === undefined ? Options.create() : optionsMessage(row["options"] as Json);
  const spec = withOptionAnnotations(readSpec(row["spec"]), options);
  if (!isIsolated(spec)) {
    throw new SpecError({ at: "/windows/hyperv", rule: "must be there: only such pods have a VM" });
  }
  const reader = new AnnotationReader(spec.annotations);
  const answer = await (spec.linux === undefined ? windowsRow : linuxRow)(spec, reader, golden);
  const warnings = warningsJson(reader.warnings);
  return {
    annotationsAfter: spec.annotations,
    ...answer,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

function windowsRow(spec: Spec, reader: AnnotationReader, { platform }: CaseOptions): Json {
  const host = {
    build: platform.windowsBuild,
    logicalProcessors: platform.hostProcessors,
    confidentialBootFiles: `${SHIM_DIRECTORY}\\WindowsBootFiles\\confidential`,
  };
  const options = readWindowsVmOptions(reader, spec.windows?.resources ?? {}, host);
  return {
    kind: "OptionsWCOW",
    options: windowsOptions(options),
    verify: { error: refusalOf(() => checkWindowsVmOptions(options, host)) ?? NO_BOOT_FILES },
  };
}

async function linuxRow(
  spec: Spec,
  reader: AnnotationReader,
  { platform, files }: CaseOptions,
): Promise<Json> {
  const backend = new ScriptedBackend(platform, files ?? [], new Recorder());
  const host = await backend.host();
  const options = readLinuxVmOptions(reader, spec.windows?.resources ?? {}, host, GUEST_LOGGING);
  const wanted = { directory: options.bootFilesRoot, names: bootFileNames(options) };
  const bootFiles = await findBootFiles(backend, host.linuxBootFiles, wanted, new AbortController().signal);
  const hasDevices = (spec.windows?.document["devices"] ?? null) !== null;
  const devices = podDevices(spec, reader.warnings);
  const refusal = refusalOf(() => checkLinuxVmOptions(options, host));
  return {
    kind: "OptionsLCOW",
    options: linuxOptions(options, preferredBoot(options, bootFiles), hasDevices ? devices : null),
    verify: refusal === undefined ? { ok: true } : { error: refusal },
  };
}

/** Of a shim that logs as runhcs does by default. */
const GUEST_LOGGING: GuestLogging = { level: "info", scrub: true };

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof SpecError) return error.message;
    throw error;
  }
}
