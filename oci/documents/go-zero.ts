/**
 * A Linux guest is given the spec as the runtime's other tools write it: members of these places are left out when they
 * say nothing, and read as the same. Everything else is written as it came.
 */
import { isObject, type JsonObject } from "../json.ts";

type Place = { readonly [member: string]: Place | true };

const CAPABILITIES: Place = {
  bounding: true,
  effective: true,
  inheritable: true,
  permitted: true,
  ambient: true,
};

/** `true`: left out when zero, false or empty. An object: the members below it; of a list, those of each entry. */
const OPTIONAL: Place = {
  hostname: true,
  domainname: true,
  annotations: true,
  mounts: true,
  root: { readonly: true },
  process: {
    terminal: true,
    args: true,
    commandLine: true,
    env: true,
    rlimits: true,
    noNewPrivileges: true,
    apparmorProfile: true,
    selinuxLabel: true,
    user: { additionalGids: true, username: true },
    capabilities: CAPABILITIES,
  },
  linux: {
    uidMappings: true,
    gidMappings: true,
    sysctl: true,
    namespaces: true,
    devices: true,
    netDevices: true,
    rootfsPropagation: true,
    maskedPaths: true,
    readonlyPaths: true,
    mountLabel: true,
  },
};

/** As {@link OPTIONAL}, for the entries of lists. */
const OPTIONAL_IN_LISTS: Readonly<Record<string, Place>> = {
  "/mounts": { type: true, source: true, options: true, uidMappings: true, gidMappings: true },
  "/linux/namespaces": { path: true },
};

/** A copy; what is given is not changed. `null` says nothing anywhere but where it is kept on purpose. */
export function withoutGoZero(spec: JsonObject): JsonObject {
  return clean(spec, OPTIONAL, "");
}

function clean(object: JsonObject, place: Place, at: string): JsonObject {
  const result: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(object)) {
    const rule = Object.hasOwn(place, member) ? place[member] : undefined;
    const path = `${at}/${member}`;
    const entries = Object.hasOwn(OPTIONAL_IN_LISTS, path) ? OPTIONAL_IN_LISTS[path] : undefined;
    if (rule !== undefined && isNothing(value, rule)) continue;
    if (Array.isArray(value) && entries !== undefined)
      result[member] = value.map((entry: unknown) => (isObject(entry) ? clean(entry, entries, "") : entry));
    else if (isObject(value) && typeof rule === "object") result[member] = clean(value, rule, path);
    else result[member] = value;
  }
  return result;
}

function isNothing(value: unknown, rule: Place | true): boolean {
  if (value === null) return true;
  if (rule !== true) return false;
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === "" || value === false || value === 0;
}
