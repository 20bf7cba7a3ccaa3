/**
 * The OCI runtime specification as this project reads it (opencontainers/runtime-spec, config.md and
 * config-linux.md, config-windows.md). Members we decide by are checked and typed; all others are kept as they
 * came, because a Linux container's spec is handed on to the guest.
 */
import { SpecError } from "./errors.ts";
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
} from "./json.ts";
import { readWindows, type Windows } from "./windows/spec.ts";

export type { Windows, WindowsResources } from "./windows/spec.ts";

export interface Spec {
  readonly annotations: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly root?: { readonly path?: string; readonly readonly?: boolean };
  readonly process?: Process;
  readonly mounts: readonly Mount[];
  readonly linux?: Linux;
  readonly windows?: Windows;
  /** The whole document, unchanged. */
  readonly document: JsonObject;
}

export interface Process {
  readonly terminal: boolean;
  readonly args: readonly string[];
  readonly commandLine?: string;
  readonly env: readonly string[];
  readonly cwd?: string;
  readonly username?: string;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly document: JsonObject;
}

export interface Mount {
  /** Empty where the spec has none: whoever makes the mount refuses it. */
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options: readonly string[];
  readonly document: JsonObject;
}

export interface Linux {
  readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
  readonly resources?: JsonObject;
  readonly document: JsonObject;
}

/** Parses `config.json`. @throws {SpecError} with the JSON pointer of the first member at fault */
export function parseSpec(text: string): Spec {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new SpecError({ at: "config.json", rule: `is not JSON: ${(cause as Error).message}`, cause });
  }
  return readSpec(document);
}

export function readSpec(document: unknown): Spec {
  if (!isObject(document))
    throw new SpecError({ at: "config.json", rule: "must be an object", value: document });
  const root = optionalObject(document, "root", "");
  const process = optionalObject(document, "process", "");
  const linux = optionalObject(document, "linux", "");
  const windows = optionalObject(document, "windows", "");
  const mounts = (optionalObjects(document, "mounts", "") ?? []).map((mount, index) =>
    readMount(mount, `/mounts/${index}`),
  );
  if (linux !== undefined) requireDestinations(mounts);
  return {
    annotations: readAnnotations(document),
    ...defined("hostname", optionalString(document, "hostname", "")),
    ...defined("root", root && readRoot(root)),
    ...defined("process", process && readProcess(process, "/process")),
    mounts,
    ...defined("linux", linux && readLinux(linux)),
    ...defined("windows", windows && readWindows(windows)),
    document,
  };
}

/** The same spec with other annotations. */
export function withAnnotations(spec: Spec, annotations: Readonly<Record<string, string>>): Spec {
  return { ...spec, annotations, document: { ...spec.document, annotations } };
}

/** Reads only the annotations of a `config.json`: all that `start` needs to find the pod. */
export function readAnnotations(document: unknown): Record<string, string> {
  if (!isObject(document))
    throw new SpecError({ at: "config.json", rule: "must be an object", value: document });
  const annotations = optionalObject(document, "annotations", "") ?? {};
  const result: Record<string, string> = {};
  for (const [key, value] of Object.entries(annotations)) {
    if (typeof value !== "string") {
      throw new SpecError({ at: pointer("/annotations", key), rule: "must be a string", value });
    }
    result[key] = value;
  }
  return result;
}

/** Reads an OCI process, as `Exec` carries it. */
export function readProcess(document: unknown, at: string): Process {
  if (!isObject(document))
    throw new SpecError({ at, rule: "must be an OCI process object", value: document });
  const user = optionalObject(document, "user", at);
  const size = optionalObject(document, "consoleSize", at);
  const sizeAt = `${at}/consoleSize`;
  return {
    terminal: optionalBoolean(document, "terminal", at) ?? false,
    args: optionalStrings(document, "args", at) ?? [],
    ...defined("commandLine", optionalString(document, "commandLine", at)),
    env: optionalStrings(document, "env", at) ?? [],
    ...defined("cwd", optionalString(document, "cwd", at)),
    ...defined("username", user && optionalString(user, "username", `${at}/user`)),
    ...defined(
      "consoleSize",
      size && {
        height: optionalNumber(size, "height", sizeAt) ?? 0,
        width: optionalNumber(size, "width", sizeAt) ?? 0,
      },
    ),
    document,
  };
}

function readRoot(root: JsonObject): NonNullable<Spec["root"]> {
  return {
    ...defined("path", optionalString(root, "path", "/root")),
    ...defined("readonly", optionalBoolean(root, "readonly", "/root")),
  };
}

function readMount(mount: JsonObject, at: string): Mount {
  const destination = optionalString(mount, "destination", at);
  return {
    destination: destination ?? "",
    ...defined("type", optionalString(mount, "type", at)),
    ...defined("source", optionalString(mount, "source", at)),
    options: optionalStrings(mount, "options", at) ?? [],
    document: mount,
  };
}

/** A guest's runtime is handed Linux mounts as they are. Those of Windows are made, and checked, by the shim. */
function requireDestinations(mounts: readonly Mount[]): void {
  for (const [index, { destination, document }] of mounts.entries()) {
    if (destination === "")
      throw new SpecError({ at: `/mounts/${index}/destination`, rule: "must be present", value: document });
  }
}

function readLinux(linux: JsonObject): Linux {
  const namespaces = optionalArray(linux, "namespaces", "/linux") ?? [];
  return {
    namespaces: namespaces.map((value, index) => {
      const at = `/linux/namespaces/${index}`;
      if (!isObject(value)) throw new SpecError({ at, rule: "must be an object", value });
      const type = optionalString(value, "type", at);
      if (type === undefined) throw new SpecError({ at: `${at}/type`, rule: "must be present", value });
      return { type, ...defined("path", optionalString(value, "path", at)) };
    }),
    ...defined("resources", optionalObject(linux, "resources", "/linux")),
    document: linux,
  };
}

/** `{ [name]: value }`, or nothing at all when the value is undefined. */
function defined<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]: V });
}
