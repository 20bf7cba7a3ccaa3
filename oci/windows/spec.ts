/** The `windows` section of an OCI spec (runtime-spec, config-windows.md), checked and typed. */
import { SpecError } from "../errors.ts";
import {
  isObject,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalObjects,
  optionalString,
  optionalStrings,
  pointer,
  type JsonObject,
} from "../json.ts";

export interface Windows {
  readonly hyperv: boolean;
  /** Replaces the search for the VM's files in the layers. */
  readonly utilityVmPath?: string;
  readonly network?: WindowsNetwork;
  /** Id of an HCN namespace; never empty. */
  readonly networkNamespace?: string;
  readonly resources: WindowsResources;
  /** Uppermost first, the writable scratch last. */
  readonly layerFolders: readonly string[];
  readonly devices: readonly WindowsDevice[];
  /** JSON text. Only strings count. */
  readonly credentialSpec?: string;
  readonly ignoreFlushesDuringBoot: boolean;
  readonly document: JsonObject;
}

export interface WindowsNetwork {
  readonly endpointList: readonly string[];
  readonly allowUnqualifiedDnsQuery: boolean;
  readonly dnsSearchList: readonly string[];
  readonly sharedContainerName: string;
}

export interface WindowsDevice {
  readonly id: string;
  readonly idType: string;
}

/** Of the limits, only non-zero members are present. */
export interface WindowsResources {
  /** Bytes. */
  readonly memoryLimit?: number;
  readonly cpuCount?: number;
  readonly cpuMaximum?: number;
  readonly cpuShares?: number;
  readonly storageIops?: number;
  /** Bytes per second. */
  readonly storageBps?: number;
  readonly cpuAffinity?: readonly GroupAffinity[];
}

/** Processors of one processor group; `mask` has a bit for each. */
export interface GroupAffinity {
  readonly group: number;
  readonly mask: number;
}

export function readWindows(windows: JsonObject): Windows {
  const at = "/windows";
  const network = optionalObject(windows, "network", at);
  const namespace = network && optionalString(network, "networkNamespace", `${at}/network`);
  const hyperv = optionalObject(windows, "hyperv", at);
  const utilityVmPath = hyperv && optionalString(hyperv, "utilityVMPath", `${at}/hyperv`);
  const credentialSpec = windows["credentialSpec"];
  return {
    hyperv: hyperv !== undefined,
    ...(utilityVmPath === undefined || utilityVmPath === "" ? {} : { utilityVmPath }),
    ...(network === undefined ? {} : { network: readNetwork(network) }),
    ...(namespace === undefined || namespace === "" ? {} : { networkNamespace: namespace }),
    resources: readWindowsResources(optionalObject(windows, "resources", at) ?? {}, `${at}/resources`),
    layerFolders: optionalStrings(windows, "layerFolders", at) ?? [],
    devices: (optionalObjects(windows, "devices", at) ?? []).map((device, index) => ({
      id: optionalString(device, "id", `${at}/devices/${index}`) ?? "",
      idType: optionalString(device, "idType", `${at}/devices/${index}`) ?? "",
    })),
    ...(typeof credentialSpec === "string" ? { credentialSpec } : {}),
    ignoreFlushesDuringBoot: optionalBoolean(windows, "ignoreFlushesDuringBoot", at) ?? false,
    document: windows,
  };
}

function readNetwork(network: JsonObject): WindowsNetwork {
  const at = "/windows/network";
  return {
    endpointList: optionalStrings(network, "endpointList", at) ?? [],
    allowUnqualifiedDnsQuery: optionalBoolean(network, "allowUnqualifiedDNSQuery", at) ?? false,
    dnsSearchList: optionalStrings(network, "DNSSearchList", at) ?? [],
    sharedContainerName: optionalString(network, "networkSharedContainerName", at) ?? "",
  };
}

type Limit = Exclude<keyof WindowsResources, "cpuAffinity">;

/** Member of {@link WindowsResources} ← section and member of `windows.resources`. */
const LIMITS: readonly (readonly [Limit, string, string])[] = [
  ["memoryLimit", "memory", "limit"],
  ["cpuCount", "cpu", "count"],
  ["cpuMaximum", "cpu", "maximum"],
  ["cpuShares", "cpu", "shares"],
  ["storageIops", "storage", "iops"],
  ["storageBps", "storage", "bps"],
];

/** Reads `windows.resources`, or the same structure of an Update request. @param at where it stands, for errors */
export function readWindowsResources(resources: JsonObject, at: string): WindowsResources {
  const limits: Partial<Record<Limit, number>> = {};
  for (const [name, section, member] of LIMITS) {
    const object = optionalObject(resources, section, at);
    const value = object && optionalUnsigned(object, member, `${at}/${section}`);
    if (value !== undefined && value > 0) limits[name] = value;
  }
  const affinity = readAffinity(optionalObject(resources, "cpu", at), `${at}/cpu`);
  return { ...limits, ...(affinity.length === 0 ? {} : { cpuAffinity: affinity }) };
}

function readAffinity(cpu: JsonObject | undefined, at: string): GroupAffinity[] {
  const list = (cpu && optionalArray(cpu, "affinity", at)) ?? [];
  return list.map((value, index) => {
    const where = pointer(`${at}/affinity`, index);
    if (!isObject(value)) throw new SpecError({ at: where, rule: "must be an object", value });
    return {
      group: optionalUnsigned(value, "group", where) ?? 0,
      mask: optionalUnsigned(value, "mask", where) ?? 0,
    };
  });
}

function optionalUnsigned(object: JsonObject, member: string, at: string): number | undefined {
  const value = optionalNumber(object, member, at);
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return value;
  throw new SpecError({ at: pointer(at, member), rule: "must be a whole number, 0 or more", value });
}
