/** `validate`: what is wrong with options, specs and pods, before anything runs. */
import { joinPod } from "../../oci/host-process/join-pod.ts";
import { SpecError } from "../../oci/errors.ts";
import { checkPodIsolation } from "../../oci/isolation.ts";
import type { JsonObject } from "../../oci/json.ts";
import { readSpec } from "../../oci/spec.ts";
import type { Options } from "../options/own.ts";
import type { RuntimeOptions } from "../options/runtime.ts";
import { decide, type Decisions } from "../service/decide.ts";
import { EXIT, JSON_FLAG, type Command } from "./command.ts";
import { givenOptions, ISOLATION_FLAG, OPTIONS_FLAG } from "./input/options.ts";
import { readPodManifest, type PodManifest } from "./input/pod-manifest.ts";
import { readInput, type Input } from "./input/read.ts";
import { formatReports, hasErrors, type Finding, type Report } from "./validate/findings.ts";
import { handlersOf, ownFindings, runtimeFindings } from "./validate/options.ts";
import { validateSpec } from "./validate/spec.ts";

export const validate: Command = {
  name: "validate",
  usage: "hcsctl validate FILE... [--options FILE] [--hypervisor] [--json]",
  summary: "check options, OCI specs and pods: unknown names, wrong types, conflicts, keys without effect",
  help: `FILE is one of
  options.toml, options.json   options of a runtime handler
  runhcs.toml                  the node file
  config.toml                  containerd's configuration: its runtime handlers for this shim
  config.json, a bundle        an OCI spec
  pod.yaml                     Kubernetes objects with pods

Exits with ${EXIT.failed} when there are errors; warnings and notes are told and pass.`,
  flags: [OPTIONS_FLAG, ISOLATION_FLAG, JSON_FLAG],
  arity: [1, Number.MAX_SAFE_INTEGER],
  run: async ({ flags, arguments: paths, options, print, fail }) => {
    const runtime = await givenOptions(flags);
    const reports: Report[] = [];
    for (const path of paths) reports.push(...report(await readInput(path), runtime, options));
    if (flags["json"] === true) print(`${JSON.stringify(reports, null, 2)}\n`);
    else print(formatReports(reports, process.stdout.isTTY));
    if (hasErrors(reports)) fail();
  },
};

function report(input: Input, runtime: RuntimeOptions, options: Options): Report[] {
  const subject = input.path;
  switch (input.kind) {
    case "runtime":
      return [{ subject, what: "options of a runtime handler", findings: runtimeFindings(input.table) }];
    case "node":
      return [{ subject, what: "node file", findings: ownFindings(input.table, "node") }];
    case "containerd":
      return containerdReports(input.table, subject);
    case "spec":
      return [{ subject, ...validateSpec(input.document, runtime) }];
    case "pods":
      return input.documents.flatMap((document) => podReports(document, subject, runtime, options));
  }
}

function containerdReports(table: JsonObject, subject: string): Report[] {
  const handlers = handlersOf(table);
  if (handlers.length === 0) {
    const message = "no runtime handler has a runtime_type of this shim (io.containerd.runhcs.v1)";
    return [{ subject, what: "containerd", findings: [{ severity: "warning", at: "plugins", message }] }];
  }
  return handlers.map(({ name, options, annotations }) => {
    const findings = runtimeFindings(options);
    if (
      !annotations.some(
        (pattern) => pattern.startsWith("io.microsoft") || pattern.startsWith("io.*") || pattern === "*",
      )
    ) {
      findings.push({
        severity: "note",
        at: "pod_annotations",
        message: 'no annotation of a pod reaches the shim: add "io.microsoft.*"',
      });
    }
    return { subject: `${subject}: ${name}`, what: "runtime handler", findings };
  });
}

function podReports(
  document: JsonObject,
  subject: string,
  runtime: RuntimeOptions,
  options: Options,
): Report[] {
  const manifest = readPodManifest(document);
  if (manifest === undefined) return [];
  const membership = membershipFindings(manifest, runtime, options);
  return manifest.tasks.map(({ title, id, document: spec }) => {
    const { what, findings } = validateSpec(spec, runtime);
    return {
      subject: `${subject}: ${manifest.name}, ${title}`,
      what,
      // Containerd puts the annotations of a pod on its containers too, where half of them do nothing.
      findings: [...findings.filter(({ severity }) => severity !== "note"), ...(membership.get(id) ?? [])],
    };
  });
}

/** What stands between containers and their pod, by id of the container. */
function membershipFindings(
  { tasks }: PodManifest,
  runtime: RuntimeOptions,
  options: Options,
): ReadonlyMap<string, Finding[]> {
  const found = new Map<string, Finding[]>();
  const [sandbox, ...containers] = tasks;
  const pod = sandbox && decided(sandbox.document, runtime);
  if (pod === undefined) return found;
  const policy = options.with(runtime.own).hostProcessPolicy;
  for (const { id, document } of containers) {
    const container = decided(document, runtime);
    if (container === undefined) continue;
    try {
      joinPod({ pod: pod.spec, container: container.spec, guestSupport: undefined, policy });
      checkPodIsolation(pod.isolation, container.isolation);
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      found.set(id, [{ severity: "error", at: error.at, message: error.message }]);
    }
  }
  return found;
}

/** Undefined when it is refused, which is told elsewhere. */
function decided(document: JsonObject, runtime: RuntimeOptions): Decisions | undefined {
  try {
    return decide(readSpec(document), runtime, () => undefined);
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}
