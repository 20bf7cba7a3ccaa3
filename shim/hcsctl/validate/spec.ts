/** What is wrong with a spec under some runtime options. */
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { validateAnnotations } from "../../../oci/annotations/validate.ts";
import { linuxVmOptions } from "../../../oci/documents/linux-vm-options.ts";
import { checkWindowsVmOptions, readWindowsVmOptions } from "../../../oci/documents/windows-vm-options.ts";
import { SpecError } from "../../../oci/errors.ts";
import { hostProcessKind } from "../../../oci/host-process/classify.ts";
import { guestRootfsLocation } from "../../../oci/host-process/rootfs-location.ts";
import type { JsonObject } from "../../../oci/json.ts";
import { readSpec, withAnnotations, type Spec } from "../../../oci/spec.ts";
import { dumpRegistryValues } from "../../../oci/windows/dumps.ts";
import { containerLimits } from "../../../oci/windows/resources.ts";
import { readAnnotations } from "../../options/own.ts";
import type { RuntimeOptions } from "../../options/runtime.ts";
import { ANNOTATION_PREFIX } from "../../options/table.ts";
import { decide, type Decisions } from "../../service/decide.ts";
import type { Finding } from "./findings.ts";

/** A machine that nothing is wrong with: what one host lacks is no mistake of a spec. */
const HOST = { build: 26_100, logicalProcessors: 2 ** 16, confidentialBootFiles: "C:\\boot" };

export interface SpecReport {
  readonly what: string;
  readonly findings: readonly Finding[];
}

export function validateSpec(document: JsonObject, runtime: RuntimeOptions): SpecReport {
  const findings: Finding[] = [];
  const decisions = attempt(findings, () => decide(readSpec(document), runtime, () => undefined));
  if (decisions === undefined) {
    const annotations = attempt([], () => readSpec(document).annotations) ?? {};
    return { what: "refused", findings: merged(findings, annotationFindings(annotations, undefined)) };
  }
  const { spec } = decisions;
  findings.push(...annotationFindings(spec.annotations, decisions));
  // What is refused already would hide what comes after it.
  const refused = new Set(findings.filter(({ severity }) => severity === "error").map(({ at }) => at));
  for (const trial of trials({ ...decisions, spec: without(spec, refused) })) attempt(findings, trial);
  return { what: describe(decisions), findings: merged([], findings) };
}

function without(spec: Spec, keys: ReadonlySet<string>): Spec {
  const kept = Object.entries(spec.annotations).filter(([key]) => !keys.has(key));
  return withAnnotations(spec, Object.fromEntries(kept));
}

function describe({ identity, isolation }: Decisions): string {
  return `${identity.role}, isolation "${isolation}"`;
}

function annotationFindings(
  annotations: Readonly<Record<string, string>>,
  decisions: Decisions | undefined,
): Finding[] {
  const own = readAnnotations(annotations).warnings.map(({ option, message }): Finding => ({
    severity: "error",
    at: `${ANNOTATION_PREFIX}${option}`,
    message,
  }));
  const mode = { isolation: decisions?.isolation, role: decisions?.identity.role };
  const known = validateAnnotations(annotations, mode).map(({ severity, key, message }) => ({
    severity,
    at: key,
    message,
  }));
  return [...known, ...own];
}

/** What the shim would read of such a task. */
function trials({ spec, isolation, identity }: Decisions): (() => unknown)[] {
  const reader = new AnnotationReader(spec.annotations);
  const resources = spec.windows?.resources ?? {};
  const ownsVm = identity.role !== "workload";
  const limits = (): unknown =>
    containerLimits(reader, resources, {
      kind: "host",
      build: HOST.build,
      processors: HOST.logicalProcessors,
    });
  const dumps = (): unknown => dumpRegistryValues(reader, "id", undefined);
  switch (isolation) {
    case "linux-vm":
      return ownsVm ? [() => linuxVmOptions(reader, resources, HOST, { level: "info", scrub: true })] : [];
    case "windows-vm":
      return [
        ...(ownsVm
          ? [() => checkWindowsVmOptions(readWindowsVmOptions(reader, resources, HOST), HOST)]
          : [dumps]),
        ...(identity.role === "sandbox" ? [] : [limits]),
        ...(hostProcessKind(spec) === "guest" ? [() => guestRootfsLocation(spec.annotations)] : []),
      ];
    case "windows-host":
    case "host-process":
      return [limits, dumps];
  }
}

/** Runs a part that may refuse its input; only that is a finding. */
function attempt<T>(findings: Finding[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    findings.push({ severity: "error", at: error.at.replace(/^annotation /, ""), message: error.message });
    return undefined;
  }
}

/** One finding for each place: what validation says of it comes before what refused it. */
function merged(first: readonly Finding[], rest: readonly Finding[]): Finding[] {
  const all = [...rest, ...first];
  return all.filter(
    ({ at, severity }, index) =>
      !all.slice(0, index).some((other) => other.at === at && other.severity === severity),
  );
}
