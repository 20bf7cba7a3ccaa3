/** From flags to the options of the library. */
import { resolve } from "node:path";
import { existsSync } from "node:fs";
import type { Limits } from "../../client/options/limits.ts";
import type {
  ContainerOptions,
  HostMount,
  IdRange,
  ProcessOptions,
  UserNamespace,
} from "../../client/options/options.ts";
import { pipeName } from "../../../oci/windows/mounts.ts";
import { mappedDirectory, type DirectoryMapping } from "../../client/paths/working-directory.ts";
import { UsageError } from "../../flags.ts";
import type { CommandContext } from "../command.ts";

type Given = Pick<CommandContext, "flags" | "lists">;

const ISOLATIONS: Readonly<Record<string, "process" | "hypervisor">> = {
  process: "process",
  hyperv: "hypervisor",
  hypervisor: "hypervisor",
};

/** @param words program and arguments */
export function containerOptions(given: Given, words: readonly string[]): ContainerOptions {
  const { lists } = given;
  const id = text(given, "name");
  const image = text(given, "image");
  const layers = text(given, "layers");
  const os = oneOf(given, "os", { linux: "linux", windows: "windows" } as const);
  const isolation = oneOf(given, "isolation", ISOLATIONS);
  const hostname = text(given, "hostname");
  const limits = limitsOf(given);
  const capabilities = lists["cap"];
  const userNamespace = userNamespaceOf(given);
  return {
    ...processOptions(given, words),
    ...(id === undefined ? {} : { id }),
    ...(image === undefined ? {} : { image: existsSync(image) ? resolve(image) : image }),
    ...(layers === undefined
      ? {}
      : { layers: [{ type: "base", path: resolve(layers) }, { type: "overlay" }] }),
    ...(os === undefined ? {} : { os }),
    ...(isolation === undefined ? {} : { isolation }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(given.flags["read-only"] === true ? { readonly: true } : {}),
    ...(given.flags["staging"] === true ? { staging: true } : {}),
    mounts: (lists["volume"] ?? []).map(mountOf),
    labels: pairs(lists["label"], "label"),
    annotations: pairs(lists["annotation"], "annotation"),
    ...(limits === undefined ? {} : { limits }),
    ...(capabilities === undefined ? {} : { capabilities: capabilitiesOf(capabilities) }),
    ...(userNamespace === undefined ? {} : { userNamespace }),
    ...protection(given),
    ...connection(given),
    ...(given.flags["host-process"] === true ? { hostProcess: hostProcessOf(given) } : {}),
  };
}

export function processOptions(given: Given, words: readonly string[]): ProcessOptions {
  const cwd = text(given, "workdir") ?? mappedWorkingDirectory(given);
  const user = text(given, "user");
  return {
    ...(words.length === 0 ? {} : { args: words }),
    env: pairs(given.lists["env"], "env"),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user }),
    terminal: given.flags["tty"] === true,
  };
}

/** Outside of what the container has it begins where it begins by itself, and says so. */
function mappedWorkingDirectory({ lists }: Given): string | undefined {
  const mappings = (lists["map"] ?? []).map(directoryMapping);
  if (mappings.length === 0) return undefined;
  const here = process.cwd();
  const directory = mappedDirectory(here, mappings);
  if (directory === undefined) process.stderr.write(`hcsctl: the container does not have ${here}\n`);
  return directory;
}

/** `HOST=CONTAINER` */
export function directoryMapping(value: string): DirectoryMapping {
  const at = value.indexOf("=");
  if (at < 1) throw new UsageError(`invalid --map: must be HOST=CONTAINER (found "${value}")`);
  return { host: resolve(value.slice(0, at)), container: value.slice(at + 1) };
}

/** `source:target[:ro]`; a drive letter has a colon of its own. Named pipes are `\\.\pipe\<name>` on both sides. */
export function mountOf(value: string): HostMount {
  const parts = value.split(/:(?![\\/])/);
  // A letter before a colon and a slash is a drive, everything else before a colon and a slash is a path.
  const [source = "", target = "", mode = "rw", ...rest] = parts.length > 1 ? parts : splitPosix(value);
  if (source === "" || target === "" || rest.length > 0 || !["ro", "rw"].includes(mode))
    throw new UsageError(`invalid --volume: must be SOURCE:TARGET[:ro] (found "${value}")`);
  // Relative to where the caller is, unless it is a named pipe.
  const path = pipeName(source) === undefined ? resolve(source) : source;
  return { source: path, target, readonly: mode === "ro" };
}

function splitPosix(value: string): string[] {
  return value.split(":");
}

function protection(given: Given): Pick<ContainerOptions, "policy" | "security"> {
  const profiles = text(given, "policy");
  const security = oneOf(given, "security", {
    default: "default",
    restricted: "restricted",
    strict: "strict",
  } as const);
  const addSyscalls = given.lists["policy-syscall"] ?? [];
  if (profiles === undefined && addSyscalls.length > 0)
    throw new UsageError("invalid --policy-syscall: needs a policy to be added to, give --policy too");
  return {
    ...(profiles === undefined
      ? {}
      : {
          policy: {
            profiles: profiles.split(",").map((name) => name.trim()),
            addSyscalls,
            log: given.flags["policy-log"] === true,
          },
        }),
    ...(security === undefined ? {} : { security }),
  };
}

function connection(given: Given): Pick<ContainerOptions, "network"> {
  const name = text(given, "network");
  const [ip, netmask] = text(given, "ip")?.split("/") ?? [];
  const gateway = text(given, "gateway");
  const dns = text(given, "dns");
  const ports = given.lists["publish"]?.join(",");
  const settings = {
    ...(ip === undefined ? {} : { ip }),
    ...(netmask === undefined ? {} : { netmask }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(dns === undefined ? {} : { dns }),
    ...(ports === undefined ? {} : { ports }),
  };
  const isPlain = name === undefined || name === "host" || name === "none";
  if (isPlain && Object.keys(settings).length > 0)
    throw new UsageError(`invalid --${Object.keys(settings)[0]}: needs a network, give --network too`);
  if (name === undefined) return {};
  return { network: isPlain ? name : { switchName: name, ...settings } };
}

function hostProcessOf(given: Given): NonNullable<ContainerOptions["hostProcess"]> {
  const location = text(given, "rootfs-location");
  return {
    ...(location === undefined ? {} : { rootfsLocation: location }),
    inheritUser: given.flags["inherit-user"] === true,
  };
}

function limitsOf(given: Given): Limits | undefined {
  const memory = text(given, "memory");
  const cpus = numeric(given, "cpus");
  const cpuWeight = numeric(given, "cpu-weight");
  const processes = numeric(given, "pids");
  const limits = {
    ...(memory === undefined ? {} : { memory }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(cpuWeight === undefined ? {} : { cpuWeight }),
    ...(processes === undefined ? {} : { processes }),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}

function capabilitiesOf(names: readonly string[]): NonNullable<ContainerOptions["capabilities"]> {
  const [first] = names;
  if (names.length === 1 && (first === "containerv" || first === "all" || first === "none")) return first;
  return names;
}

function userNamespaceOf({ lists }: Given): UserNamespace | undefined {
  const uid = lists["uidmap"]?.map((value) => rangeOf(value, "uidmap"));
  const gid = lists["gidmap"]?.map((value) => rangeOf(value, "gidmap"));
  if (uid === undefined && gid === undefined) return undefined;
  return { uid: uid ?? gid ?? [], gid: gid ?? uid ?? [] };
}

function rangeOf(value: string, flag: string): IdRange {
  const [, container, host, size] = /^(\d+):(\d+):(\d+)$/.exec(value) ?? [];
  if (size === undefined)
    throw new UsageError(`invalid --${flag}: must be CONTAINER:HOST:SIZE (found "${value}")`);
  return { container: Number(container), host: Number(host), size: Number(size) };
}

function pairs(values: readonly string[] = [], flag: string): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf("=");
      if (at < 1) throw new UsageError(`invalid --${flag}: must be NAME=VALUE (found "${value}")`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}

function text({ flags }: Given, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

function numeric(given: Given, name: string): number | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  throw new UsageError(`invalid --${name}: must be a number (found "${value}")`);
}

function oneOf<T>(given: Given, name: string, words: Readonly<Record<string, T>>): T | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  if (Object.hasOwn(words, value)) return words[value];
  throw new UsageError(`invalid --${name}: must be ${Object.keys(words).join(" or ")} (found "${value}")`);
}
