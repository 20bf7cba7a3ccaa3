/**
 * Reads this project's own options from their sources and resolves them by precedence.
 */
import { strongerLevel, type BoundaryLevel } from "../../oci/boundary/levels.ts";
import type { HostProcessDialect } from "../../oci/documents/windows-container.ts";
import type { PodAnnotationPolicy } from "../../oci/host-process/join-pod.ts";
import { nearestName } from "../../oci/nearest.ts";
import type { PhaseName } from "../phases/table.ts";
import { ANNOTATION_PREFIX, OPTIONS, type OptionSource } from "./table.ts";

/** How containers get an agent; empty texts stand for what is usual. */
export interface AgentOptions {
  readonly enabled: boolean;
  readonly directory: string;
  readonly program: string;
  readonly store: string;
}

export type OptionValue = string | number | boolean;

/** An option that was set but not followed. */
export interface OptionWarning {
  readonly option: string;
  readonly source: string;
  readonly message: string;
}

/** Values from one source, by option name, already of their kind. */
export interface OptionLayer {
  readonly values: ReadonlyMap<string, OptionValue>;
  readonly warnings: readonly OptionWarning[];
}

/** A bad option in a file is an error to whoever wrote the file; in an annotation it is a warning to the pod. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

/** Flattens nested TOML tables into dotted names. */
function* flatten(table: Readonly<Record<string, unknown>>, prefix = ""): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(table)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)) {
      yield* flatten(value as Record<string, unknown>, `${prefix}${name}.`);
    } else {
      yield [`${prefix}${name}`, value];
    }
  }
}

/** Reads a TOML table of our options. @throws {OptionError} naming the file, the option and what it must be */
export function readTable(
  table: Readonly<Record<string, unknown>>,
  source: Exclude<OptionSource, "annotation">,
  where: string,
): OptionLayer {
  const values = new Map<string, OptionValue>();
  const warnings: OptionWarning[] = [];
  for (const [name, value] of flatten(table)) {
    const row = OPTIONS.get(name);
    if (row === undefined) {
      warnings.push({ option: name, source: where, message: `unknown option${suggestion(name)}` });
      continue;
    }
    if (!row.sources.includes(source)) {
      throw new OptionError(
        `cannot set option "${name}" in ${where}: it is read from ${row.sources.join(", ")} only`,
      );
    }
    const parsed = row.kind.parse(value);
    if (parsed === undefined) {
      throw new OptionError(
        `invalid option "${name}" in ${where}: must be ${row.kind.name} (found ${JSON.stringify(value)})`,
      );
    }
    values.set(name, parsed);
  }
  return { values, warnings };
}

/** Reads `io.containerd.runhcs.*` annotations of a pod. */
export function readAnnotations(annotations: Readonly<Record<string, string>>): OptionLayer {
  const values = new Map<string, OptionValue>();
  const warnings: OptionWarning[] = [];
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const name = key.slice(ANNOTATION_PREFIX.length);
    const warn = (message: string): void =>
      void warnings.push({ option: name, source: `annotation ${key}`, message });
    const row = OPTIONS.get(name);
    if (row === undefined) warn(`unknown option${suggestion(name)}`);
    else if (!row.sources.includes("annotation"))
      warn(`ignored: it is read from ${row.sources.join(", ")} only`);
    else {
      const parsed = row.kind.parse(text);
      if (parsed === undefined) warn(`ignored: must be ${row.kind.name} (found ${JSON.stringify(text)})`);
      else values.set(name, parsed);
    }
  }
  return { values, warnings };
}

function suggestion(name: string): string {
  const near = nearestName(name, OPTIONS.keys());
  return near === undefined ? "" : `, did you mean "${near}"?`;
}

/** Which process a pod gets. */
export type Hosting = "process" | "warm" | "shared";

/** The options in force: layers given strongest first, defaults below them. */
export class Options {
  readonly #layers: readonly OptionLayer[];

  constructor(...layers: readonly OptionLayer[]) {
    this.#layers = layers;
  }

  /** The same options below a stronger layer: a pod's own. */
  with(layer: OptionLayer): Options {
    return new Options(layer, ...this.#layers);
  }

  #get(name: string): OptionValue {
    for (const layer of this.#layers) {
      const value = layer.values.get(name);
      if (value !== undefined) return value;
    }
    const row = OPTIONS.get(name);
    if (row === undefined) throw new TypeError(`no such option: ${name}`);
    return row.default;
  }

  get bootstrap(): "auto" | "v2" | "v3" {
    return this.#get("bootstrap") as "auto" | "v2" | "v3";
  }

  get hosting(): Hosting {
    return this.#get("hosting") as Hosting;
  }

  get keeperSpares(): number {
    return this.#get("keeper.spares") as number;
  }

  get keeperIdleMs(): number {
    return this.#get("keeper.idle") as number;
  }

  get stateDirectory(): string {
    return this.#get("state_directory") as string;
  }

  get emulatorStateDirectory(): string {
    return this.#get("emulator.state_directory") as string;
  }

  get clientStateDirectory(): string {
    return this.#get("client.state_directory") as string;
  }

  get emulatorWindowsDirectory(): string {
    return this.#get("emulator.windows_directory") as string;
  }

  get emulatorWindowsBuild(): number {
    return this.#get("emulator.windows_build") as number;
  }

  get emulatorSpareVm(): boolean {
    return this.#get("emulator.spare_vm") as boolean;
  }

  get emulatorSpareIdleMs(): number {
    return this.#get("emulator.spare_idle") as number;
  }

  get logLevel(): string {
    return this.#get("log.level") as string;
  }

  get logFormat(): "logfmt" | "json" {
    return this.#get("log.format") as "logfmt" | "json";
  }

  /** Of recordings; empty: nothing is recorded. */
  get traceDirectory(): string {
    return this.#get("trace.directory") as string;
  }

  /** Empty: the backend's own. */
  get linuxBootFiles(): string {
    return this.#get("lcow.boot_files") as string;
  }

  get consoleLog(): boolean {
    return this.#get("vm.console_log") as boolean;
  }

  /** A socket or named pipe; empty: none. */
  get vmCrashedListener(): string {
    return this.#get("notify.vm_crashed") as string;
  }

  /** Profiles and rules; undefined: what the spec says. */
  get securityPolicy():
    { readonly profiles: string[]; readonly syscalls: string[]; readonly log: boolean } | undefined {
    const list = (name: string, separator: string): string[] =>
      (this.#get(name) as string)
        .split(separator)
        .map((part) => part.trim())
        .filter((part) => part !== "");
    const profiles = list("security.policy", ",");
    if (profiles.length === 0) return undefined;
    return {
      profiles,
      syscalls: list("security.syscalls", ";"),
      log: this.#get("security.seccomp_log") as boolean,
    };
  }

  /** Linux guests are given limits of processes. */
  get keepPids(): boolean {
    return this.#get("lcow.keep_pids") as boolean;
  }

  get hostProcessPolicy(): PodAnnotationPolicy {
    return this.#get("host_process.pod_annotation") as PodAnnotationPolicy;
  }

  get hostProcessDialect(): HostProcessDialect {
    return this.#get("host_process.dialect") as HostProcessDialect;
  }

  /** The level that is asked for, or the node's minimum where that is stronger. */
  get boundaryLevel(): BoundaryLevel {
    return strongerLevel(
      this.#get("boundary.level") as BoundaryLevel,
      this.#get("boundary.minimum") as BoundaryLevel,
    );
  }

  get auditFile(): string {
    return this.#get("audit.file") as string;
  }

  get parityPolicy(): "off" | "warn" | "refuse" {
    return this.#get("agent.parity") as "off" | "warn" | "refuse";
  }

  get agent(): AgentOptions {
    return {
      enabled: this.#get("agent.enabled") as boolean,
      directory: this.#get("agent.directory") as string,
      program: this.#get("agent.program") as string,
      store: this.#get("agent.store") as string,
    };
  }

  /** Milliseconds. */
  budgetMs(phase: PhaseName): number {
    return this.#get(`budgets.${phase}`) as number;
  }
}
