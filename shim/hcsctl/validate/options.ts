/** What is wrong with options, one by one: reading a table stops at its first mistake. */
import { validateAnnotations } from "../../../oci/annotations/validate.ts";
import { isObject, type JsonObject } from "../../../oci/json.ts";
import { messageOf } from "../../errors.ts";
import { readTable } from "../../options/own.ts";
import { readOptionsTable } from "../../options/runtime.ts";
import { OptionsSandboxIsolation } from "../../../protos/gen/runhcs.ts";
import type { Finding } from "./findings.ts";

/** Options that are carried about and that nothing reads. */
const UNREAD: Readonly<Record<string, string>> = {
  RegistryRoot: "it belonged to an earlier runtime",
  GPUVHDPath: "no runtime reads it any more",
  SandboxImage: "it is an option of the CRI plugin",
  ShareScratch: "no runtime reads it any more",
  DefaultContainerScratchSizeInGb: "it is an option of the snapshotter",
  DefaultVmScratchSizeInGb: "it is an option of the snapshotter",
  NoInheritHostTimezone: "set annotation io.microsoft.virtualmachine.wcow.timezone.noinherit instead",
};

const VM_OPTIONS = [
  "BootFilesRootPath",
  "VmProcessorCount",
  "VmMemorySizeInMb",
  "ScaleCpuLimitsToSandbox",
  "NCProxyAddr",
];

/** The options of one runtime handler, by their TOML names. */
export function runtimeFindings(table: JsonObject): Finding[] {
  const isolation = table["SandboxIsolation"];
  const inVm = Number(isolation) === OptionsSandboxIsolation.HYPERVISOR;
  return Object.entries(table).flatMap(([name, value]): Finding[] => {
    if (name === "runhcs" && isObject(value)) return ownFindings(value, "runtime");
    const findings = attempt(name, () => readOptionsTable({ [name]: value }, "the options").warnings);
    const why = UNREAD[name];
    if (why !== undefined) findings.push({ severity: "warning", at: name, message: `has no effect: ${why}` });
    if (!inVm && VM_OPTIONS.includes(name)) {
      const message = "has no effect on pods without a VM: SandboxIsolation is not 1";
      findings.push({ severity: "warning", at: name, message });
    }
    if (name === "DefaultContainerAnnotations" && isObject(value))
      findings.push(...annotationFindings(value));
    return findings;
  });
}

/** Our own options: the node file, or table `[runhcs]`. */
export function ownFindings(table: JsonObject, source: "node" | "runtime"): Finding[] {
  return [...leaves(table)].flatMap(([name, value]) =>
    attempt(name, () => readTable({ [name]: value }, source, "the options").warnings),
  );
}

/** Containerd's configuration: every runtime handler that is for this shim. */
export function handlersOf(
  table: JsonObject,
): { name: string; options: JsonObject; annotations: string[] }[] {
  const plugins = isObject(table["plugins"]) ? Object.values(table["plugins"]) : [];
  return plugins.flatMap((plugin) => {
    const containerd = isObject(plugin) && isObject(plugin["containerd"]) ? plugin["containerd"] : {};
    const runtimes = isObject(containerd["runtimes"]) ? Object.entries(containerd["runtimes"]) : [];
    return runtimes.flatMap(([name, runtime]) => {
      if (!isObject(runtime) || !String(runtime["runtime_type"]).includes("runhcs")) return [];
      const patterns = [runtime["pod_annotations"], runtime["container_annotations"]].flatMap((list) =>
        Array.isArray(list) ? list.map(String) : [],
      );
      return [
        { name, options: isObject(runtime["options"]) ? runtime["options"] : {}, annotations: patterns },
      ];
    });
  });
}

/** Annotations that every task of the handler gets. */
function annotationFindings(annotations: JsonObject): Finding[] {
  const texts = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [key, String(value)]));
  return validateAnnotations(texts).map(({ severity, key, message }) => ({
    severity,
    at: `DefaultContainerAnnotations: ${key}`,
    message,
  }));
}

/** An option that is not known is a mistake to whoever writes it. */
function attempt(name: string, read: () => readonly { readonly message: string }[]): Finding[] {
  try {
    return read().map(({ message }) => ({ severity: "error", at: name, message }));
  } catch (error) {
    return [{ severity: "error", at: name, message: messageOf(error) }];
  }
}

function* leaves(table: JsonObject, prefix = ""): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(table)) {
    if (isObject(value)) yield* leaves(value, `${prefix}${name}.`);
    else yield [`${prefix}${name}`, value];
  }
}
