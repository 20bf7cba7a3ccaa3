/** Entries of a VM's Hyper-V socket table that annotations ask for. */
import type { HvSocketServiceConfig } from "../../hcs/schema/compute-system.ts";
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { guid } from "../annotations/values.ts";
import { isObject, type JsonObject } from "../json.ts";

const TEXTS = ["BindSecurityDescriptor", "ConnectSecurityDescriptor"] as const;
const SWITCHES = ["AllowWildcardBinds", "Disabled"] as const;

/** By lower-case service GUID; an entry that cannot be read is left out with a warning. */
export function hvSocketServices(reader: AnnotationReader): Record<string, HvSocketServiceConfig> {
  const row = ANNOTATION.hvSocketServiceTable;
  const services: Record<string, HvSocketServiceConfig> = {};
  for (const [suffix, text] of reader.readAll(row)) {
    const id = guid.parse(suffix);
    const config = id === undefined ? undefined : readConfig(text);
    if (id !== undefined && config !== undefined) {
      services[id] = config;
      continue;
    }
    reader.warnings.push({
      kind: "hv-socket-entry-rejected",
      at: `annotation ${row.key}${suffix}`,
      message:
        id === undefined
          ? "ignored: the key must end with a GUID"
          : "ignored: must be a JSON object of a service's settings",
      value: text,
    });
  }
  return services;
}

/** Undefined when the text is not JSON of that form. */
function readConfig(text: string): HvSocketServiceConfig | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null) return {};
  if (!isObject(value)) return undefined;
  const config: HvSocketServiceConfig = {};
  for (const name of TEXTS) {
    const found = member(value, name);
    if (typeof found === "string") config[name] = found;
    else if (found !== undefined) return undefined;
  }
  for (const name of SWITCHES) {
    const found = member(value, name);
    if (typeof found === "boolean") config[name] = found;
    else if (found !== undefined) return undefined;
  }
  return config;
}

/** In any letter case, the last of several; null is as good as absent. */
function member(object: JsonObject, name: string): unknown {
  const lower = name.toLowerCase();
  const key = Object.keys(object).findLast((candidate) => candidate.toLowerCase() === lower);
  return key === undefined ? undefined : (object[key] ?? undefined);
}
