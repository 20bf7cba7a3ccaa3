/**
 * Runtime options, in every form that containerd versions send them: a runhcs message, or (from containerd builds that
 * do not know that message) the TOML text or a file name inside a generic one. Unknown messages are normal: a
 * containerd 2.x puts runc's into sandboxed containers whatever the runtime is.
 */
import type { Any } from "../../protos/gen/google.ts";
import { Options as GenericOptions } from "../../protos/gen/runtime-options.ts";
import { Options as RunhcsOptions } from "../../protos/gen/runhcs.ts";
import { nearestName } from "../../oci/nearest.ts";
import { readIfPresent } from "../bootstrap/bundle.ts";
import type { LogLevel } from "../log/logger.ts";
import { OptionError, readTable, type OptionLayer, type OptionWarning } from "./own.ts";
import { parseToml } from "./toml.ts";

export interface RuntimeOptions {
  readonly runhcs: RunhcsOptions;
  /** No option of the runhcs message was set: what it would imply must not be implied. */
  readonly isEmpty: boolean;
  /** `log_level`; undefined where it is not set. */
  readonly logLevel: LogLevel | undefined;
  /** This project's own, from table `[runhcs]`. */
  readonly own: OptionLayer;
  readonly warnings: readonly OptionWarning[];
}

const NOTHING: OptionLayer = { values: new Map(), warnings: [] };

export const NO_RUNTIME_OPTIONS: RuntimeOptions = {
  runhcs: RunhcsOptions.create(),
  isEmpty: true,
  logLevel: undefined,
  own: NOTHING,
  warnings: [],
};

/** The names that logrus has for levels, in any case, and what they are here. */
const LOG_LEVELS: ReadonlyMap<string, LogLevel> = new Map<string, LogLevel>([
  ["trace", "trace"],
  ["debug", "debug"],
  ["info", "info"],
  ["warn", "warn"],
  ["warning", "warn"],
  ["error", "error"],
  ["fatal", "error"],
  ["panic", "error"],
]);

/** The last part of a type URL; containerd writes it with and without a host in front. */
function typeName(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** @throws {OptionError} naming the option at fault, {WireError} when the message cannot be decoded */
export async function readRuntimeOptions(any: Any | undefined): Promise<RuntimeOptions> {
  if (any === undefined || any.typeUrl === "") return NO_RUNTIME_OPTIONS;
  switch (typeName(any.typeUrl)) {
    case RunhcsOptions.typeName:
      return withEmptiness(RunhcsOptions.decode(any.value), NOTHING, []);
    case GenericOptions.typeName:
      return readGeneric(GenericOptions.decode(any.value));
    default:
      return {
        ...NO_RUNTIME_OPTIONS,
        warnings: [
          {
            option: any.typeUrl,
            source: "runtime options",
            message: "ignored: not a message of this runtime",
          },
        ],
      };
  }
}

async function readGeneric(options: GenericOptions): Promise<RuntimeOptions> {
  if (options.configBody.length > 0) {
    return readToml(Buffer.from(options.configBody).toString("utf8"), "the runtime's options table");
  }
  if (options.configPath === "") return NO_RUNTIME_OPTIONS;
  const text = readIfPresent(options.configPath);
  if (text === undefined)
    throw new OptionError(`cannot read ${options.configPath}: ConfigPath names it, but it does not exist`);
  return readToml(text, options.configPath);
}

type Kind = "boolean" | "number" | "string" | "table";

/** TOML names (those of the Go struct) → member of the message and its kind. */
export const TOML_NAMES: ReadonlyMap<string, readonly [keyof RunhcsOptions, Kind]> = new Map<
  string,
  readonly [keyof RunhcsOptions, Kind]
>([
  ["Debug", ["debug", "boolean"]],
  ["DebugType", ["debugType", "number"]],
  ["RegistryRoot", ["registryRoot", "string"]],
  ["SandboxImage", ["sandboxImage", "string"]],
  ["SandboxPlatform", ["sandboxPlatform", "string"]],
  ["SandboxIsolation", ["sandboxIsolation", "number"]],
  ["BootFilesRootPath", ["bootFilesRootPath", "string"]],
  ["VmProcessorCount", ["vmProcessorCount", "number"]],
  ["VmMemorySizeInMb", ["vmMemorySizeInMb", "number"]],
  ["GPUVHDPath", ["GPUVHDPath", "string"]],
  ["ScaleCpuLimitsToSandbox", ["scaleCpuLimitsToSandbox", "boolean"]],
  ["DefaultContainerScratchSizeInGb", ["defaultContainerScratchSizeInGb", "number"]],
  ["DefaultVmScratchSizeInGb", ["defaultVmScratchSizeInGb", "number"]],
  ["ShareScratch", ["shareScratch", "boolean"]],
  ["NCProxyAddr", ["NCProxyAddr", "string"]],
  ["LogLevel", ["logLevel", "string"]],
  ["IoRetryTimeoutInSec", ["ioRetryTimeoutInSec", "number"]],
  ["DefaultContainerAnnotations", ["defaultContainerAnnotations", "table"]],
  ["NoInheritHostTimezone", ["noInheritHostTimezone", "boolean"]],
  ["ScrubLogs", ["scrubLogs", "boolean"]],
]);

/** Members of the generic message itself; they stand beside ours in the same table. */
const GENERIC_NAMES = new Set(["TypeUrl", "ConfigPath", "ConfigBody"]);

async function readToml(text: string, where: string): Promise<RuntimeOptions> {
  return readOptionsTable(await parseToml(text, where), where);
}

/** Reads options by their TOML names. @throws {OptionError} naming the option at fault */
export function readOptionsTable(table: Readonly<Record<string, unknown>>, where: string): RuntimeOptions {
  const runhcs: Record<string, unknown> = {};
  const warnings: OptionWarning[] = [];
  let own = NOTHING;
  for (const [name, value] of Object.entries(table)) {
    const row = TOML_NAMES.get(name);
    if (row !== undefined) runhcs[row[0]] = checked(name, value, row[1], where);
    else if (name === "runhcs")
      own = readTable(checked(name, value, "table", where) as Record<string, unknown>, "runtime", where);
    else if (!GENERIC_NAMES.has(name))
      warnings.push({ option: name, source: where, message: `unknown option${suggestion(name)}` });
  }
  return withEmptiness(RunhcsOptions.create(runhcs), own, warnings);
}

function suggestion(name: string): string {
  const near = nearestName(name, TOML_NAMES.keys());
  return near === undefined ? "" : `, did you mean "${near}"?`;
}

function checked(name: string, value: unknown, kind: Kind, where: string): unknown {
  const plain = typeof value === "bigint" ? Number(value) : value;
  const found = typeof plain === "object" && plain !== null && !Array.isArray(plain) ? "table" : typeof plain;
  if (found === kind) return plain;
  throw new OptionError(
    `invalid option "${name}" in ${where}: must be a ${kind} (found ${JSON.stringify(plain)})`,
  );
}

function withEmptiness(
  runhcs: RunhcsOptions,
  own: OptionLayer,
  warnings: readonly OptionWarning[],
): RuntimeOptions {
  const isEmpty = RunhcsOptions.encode(runhcs).length === 0;
  const logLevel = levelNamed(runhcs.logLevel);
  return { runhcs, isEmpty, logLevel, own, warnings: [...warnings, ...own.warnings] };
}

function levelNamed(name: string): LogLevel | undefined {
  const level = LOG_LEVELS.get(name.toLowerCase());
  if (level === undefined && name !== "")
    throw new OptionError(
      `invalid option "LogLevel": must be one of ${[...LOG_LEVELS.keys()].join(", ")} (found "${name}")`,
    );
  return level;
}
