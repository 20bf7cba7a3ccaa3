/**
 * Command-line flags as Go programs take them, because containerd passes them so: one or two dashes,
 * `-name value` or `-name=value`, boolean flags without a value, and all flags before the action word.
 */

export interface FlagTable {
  /** Flags that take a value. */
  readonly values: readonly string[];
  /** Flags that are on when present. */
  readonly switches: readonly string[];
}

export interface ParsedFlags {
  readonly values: Readonly<Record<string, string>>;
  readonly switches: ReadonlySet<string>;
  /** What follows the flags; the first is the action. */
  readonly rest: readonly string[];
}

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function parseFlags(args: readonly string[], table: FlagTable): ParsedFlags {
  const values: Record<string, string> = {};
  const switches = new Set<string>();
  let index = 0;
  for (; index < args.length; index++) {
    const argument = args[index] ?? "";
    if (argument === "--") {
      index++;
      break;
    }
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    if (match === null) break;
    const [, name = "", attached] = match;
    if (table.switches.includes(name)) {
      if (attached === undefined || attached === "true") switches.add(name);
      else if (attached !== "false")
        throw new UsageError(`invalid value "${attached}" for flag -${name}: must be true or false`);
      continue;
    }
    if (!table.values.includes(name)) throw new UsageError(`flag provided but not defined: -${name}`);
    const value = attached ?? args[++index];
    if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`);
    values[name] = value;
  }
  return { values, switches, rest: args.slice(index) };
}

/** Flags that containerd gives to a shim (pkg/shim). */
export const SHIM_FLAGS: FlagTable = {
  values: ["namespace", "address", "publish-binary", "id", "bundle", "socket"],
  switches: ["debug", "info", "v", "version", "h", "help", "is-sandbox", "member"],
};

/** The flags every action of the shim needs. */
export interface ShimFlags {
  readonly namespace: string;
  /** containerd's gRPC address. */
  readonly address: string;
  readonly publishBinary: string;
  readonly id: string;
  readonly bundle: string | undefined;
  readonly debug: boolean;
  /** The task is the sandbox of a pod. */
  readonly isSandbox?: true;
}

/** containerd's identifiers (pkg/identifiers): they become path components, so nothing else may pass. */
const IDENTIFIER = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;
const LONGEST_IDENTIFIER = 76;

export function shimFlags({ values, switches }: ParsedFlags): ShimFlags {
  const required = (name: string): string => {
    const value = values[name] ?? "";
    if (value === "") throw new UsageError(`${name} is required`);
    return value;
  };
  const identifier = (name: string): string => {
    const value = required(name);
    if (!IDENTIFIER.test(value) || value.length > LONGEST_IDENTIFIER) {
      throw new UsageError(
        `invalid ${name} "${value}": must be letters and digits joined by . _ - and at most ${LONGEST_IDENTIFIER} long`,
      );
    }
    return value;
  };
  return {
    namespace: identifier("namespace"),
    address: required("address"),
    publishBinary: required("publish-binary"),
    id: identifier("id"),
    bundle: values["bundle"],
    debug: switches.has("debug"),
    ...(switches.has("is-sandbox") ? { isSandbox: true } : {}),
  };
}
