/**
 * This project's own options, as data: one row says everything about an option. Reader, validation and
 * documentation derive from the rows. Where values come from, strongest first: pod annotation
 * `io.containerd.runhcs.<name>`, runtime options (table `[runhcs]`), the node file, the default.
 */
import { BOUNDARY_LEVELS } from "../../oci/boundary/levels.ts";
import { PHASES, type PhaseName } from "../phases/table.ts";

export type OptionSource = "annotation" | "runtime" | "node";

export interface OptionKind {
  /** For people: what a value looks like. */
  readonly name: string;
  /** Answers `undefined` for what is not a value of this kind. Takes TOML values and the text of annotations. */
  readonly parse: (value: unknown) => string | number | boolean | undefined;
}

const text: OptionKind = { name: "text", parse: (value) => (typeof value === "string" ? value : undefined) };

const flag: OptionKind = {
  name: "true or false",
  parse: (value) =>
    typeof value === "boolean" ? value : value === "true" ? true : value === "false" ? false : undefined,
};

const absolutePath: OptionKind = {
  name: "an absolute path",
  parse: (value) => (typeof value === "string" && /^(?:\/|[A-Za-z]:[\\/])/.test(value) ? value : undefined),
};

const directory: OptionKind = {
  name: "an absolute path, or empty",
  parse: (value) => (value === "" ? value : absolutePath.parse(value)),
};

const socketPath: OptionKind = {
  name: "path of a socket or named pipe",
  parse: (value) => (typeof value === "string" && /^(?:\/.|\\\\\.\\pipe\\.)/.test(value) ? value : undefined),
};

function oneOf(...words: readonly string[]): OptionKind {
  return {
    name: words.map((word) => `"${word}"`).join(", "),
    parse: (value) => (typeof value === "string" && words.includes(value) ? value : undefined),
  };
}

const buildNumber: OptionKind = {
  name: "a Windows build number such as 20348",
  parse: (value) => {
    const build = typeof value === "string" ? Number(value) : value;
    return typeof build === "number" && Number.isInteger(build) && build > 0 ? build : undefined;
  },
};

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `"250ms"`, `"30s"`, `"2m"`; a bare number is in seconds. Read as milliseconds. */
const duration: OptionKind = {
  name: 'a duration such as "30s"',
  parse: (value) => {
    if (typeof value === "number") return Number.isFinite(value) && value > 0 ? value * 1000 : undefined;
    const match = typeof value === "string" ? /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(value) : null;
    if (match === null) return undefined;
    const ms = Number(match[1]) * (UNIT_MS[match[2] ?? "s"] ?? 1000);
    return ms > 0 ? ms : undefined;
  },
};

const count: OptionKind = {
  name: "a whole number from 0 to 100",
  parse: (value) => {
    const number = typeof value === "bigint" ? Number(value) : value;
    return Number.isInteger(number) && Number(number) >= 0 && Number(number) <= 100
      ? (number as number)
      : undefined;
  },
};

export interface OptionRow {
  readonly name: string;
  readonly kind: OptionKind;
  readonly default: string | number | boolean;
  /** Where the option may be set. */
  readonly sources: readonly OptionSource[];
  readonly description: string;
}

const NODE_ONLY: readonly OptionSource[] = ["node"];
const RUNTIME: readonly OptionSource[] = ["runtime", "node"];
const ANYWHERE: readonly OptionSource[] = ["annotation", "runtime", "node"];

const ROWS: readonly OptionRow[] = [
  {
    name: "bootstrap",
    kind: oneOf("auto", "v2", "v3"),
    default: "auto",
    sources: RUNTIME,
    description:
      "what start answers: v2 is a plain address that every containerd takes, v3 is JSON for containerd 2.0 and later; auto answers v3 to the Sandbox API alone",
  },
  {
    name: "hosting",
    kind: oneOf("process", "warm", "shared"),
    default: "process",
    sources: RUNTIME,
    description:
      "which process a pod gets: process is one of its own, started for it; warm is one of its own that the node's keeper had booted before; shared is one with all other such pods",
  },
  {
    name: "keeper.spares",
    kind: count,
    default: 2,
    sources: NODE_ONLY,
    description: "processes that the keeper holds ready for pods to come, where hosting is warm",
  },
  {
    name: "keeper.idle",
    kind: duration,
    default: 10 * 60_000,
    sources: NODE_ONLY,
    description: "how long the keeper stays when nobody asks it anything and it has no pods",
  },
  {
    name: "state_directory",
    kind: absolutePath,
    default: process.platform === "win32" ? "C:\\ProgramData\\containerd\\runhcs" : "/run/runhcs",
    sources: NODE_ONLY,
    description: "journals of tasks that still hold something, kept beside those in the bundles",
  },
  {
    name: "emulator.state_directory",
    kind: absolutePath,
    default: "/run/runhcs",
    sources: NODE_ONLY,
    description: "compute systems and sockets of the emulator; short, because socket paths go below it",
  },
  {
    name: "client.state_directory",
    kind: absolutePath,
    default: process.platform === "win32" ? "C:\\ProgramData\\runhcs" : "/var/lib/runhcs",
    sources: NODE_ONLY,
    description:
      "logs and network records of the containers that hcsctl runs; and, where no containerd runs, their images and writable layers",
  },
  {
    name: "emulator.windows_directory",
    kind: absolutePath,
    default: "/var/lib/runhcs/windows",
    sources: NODE_ONLY,
    description:
      "files of Windows that the emulator's containers share: made once for each version of Wine, 700 MB; and drive C: of the emulated machine",
  },
  {
    name: "emulator.windows_build",
    kind: buildNumber,
    default: 26100,
    sources: NODE_ONLY,
    description:
      "Windows build whose behaviour the emulator has; before 26100 VMs have no HostProcess containers, before 17763 documents are of schema 1",
  },
  {
    name: "emulator.spare_vm",
    kind: flag,
    default: true,
    sources: NODE_ONLY,
    description:
      "a process that makes VMs on the emulator has one booted before a pod needs it: as soon as it starts, and where hosting is shared after each pod",
  },
  {
    name: "emulator.spare_idle",
    kind: duration,
    default: 10 * 60_000,
    sources: NODE_ONLY,
    description: "how long a VM that was booted ahead waits for a pod before it ends",
  },
  {
    name: "log.level",
    kind: oneOf("error", "warn", "info", "debug", "trace"),
    default: "info",
    sources: RUNTIME,
    description: "least severe records that reach containerd's log",
  },
  {
    name: "log.format",
    kind: oneOf("logfmt", "json"),
    default: "logfmt",
    sources: RUNTIME,
    description: "how records are written",
  },
  {
    name: "trace.directory",
    kind: directory,
    default: "",
    sources: RUNTIME,
    description:
      "where each shim records everything it asks of the platform and gets from it, environments and credentials too, in a file `<namespace>-<id>-<pid>.jsonl`; empty: nowhere",
  },
  {
    name: "lcow.boot_files",
    kind: text,
    default: "",
    sources: RUNTIME,
    description:
      "directory with the kernel and root file system of Linux utility VMs; empty: the backend's own",
  },
  {
    name: "vm.console_log",
    kind: flag,
    default: false,
    sources: ANYWHERE,
    description:
      "the first serial port of a pod's VM, where its kernel speaks, is written to console.log in the bundle of the sandbox, and shown by hcsctl diag",
  },
  {
    name: "notify.vm_crashed",
    kind: socketPath,
    default: "",
    sources: RUNTIME,
    description:
      "where a line of JSON is written as soon as the VM of a pod is lost, before the exits of its tasks are told; empty: nowhere",
  },
  {
    name: "security.policy",
    kind: text,
    default: "",
    sources: ANYWHERE,
    description:
      "security policy of Linux containers: profiles joined by commas, see hcsctl policy ls; empty: what the spec says",
  },
  {
    name: "security.syscalls",
    kind: text,
    default: "",
    sources: RUNTIME,
    description: "rules for system calls that are added to the policy, separated by semicolons",
  },
  {
    name: "security.seccomp_log",
    kind: flag,
    default: false,
    sources: RUNTIME,
    description:
      "what the policy denies is allowed, and logged by the kernel: for finding out what a policy needs",
  },
  {
    name: "lcow.keep_pids",
    kind: flag,
    default: false,
    sources: ANYWHERE,
    description:
      "a limit of processes is handed to Linux guests; they are not given it otherwise, as other shims do not",
  },
  {
    name: "host_process.pod_annotation",
    kind: oneOf("required", "merged"),
    default: "required",
    sources: RUNTIME,
    description:
      "whether a pod has to be annotated as HostProcess for its containers to be; merged: where there is a VM the capability of its guest decides, elsewhere nothing",
  },
  {
    name: "host_process.dialect",
    kind: oneOf("isolation-type", "container-type"),
    default: "isolation-type",
    sources: RUNTIME,
    description:
      "names of the HostProcess members in documents for guests: IsolationType and PrivilegedContainerRootPath as released, or ContainerType and ContainerRootPath as first proposed",
  },
  {
    name: "boundary.level",
    kind: oneOf(...BOUNDARY_LEVELS),
    default: "shared",
    sources: ANYWHERE,
    description:
      "what may cross into the pod's VM as files: shared (as in other shims), no-data-smb (read-only shares of the platform alone, no user data), strict (no share of any protocol: everything comes on disks)",
  },
  {
    name: "boundary.minimum",
    kind: oneOf(...BOUNDARY_LEVELS),
    default: "shared",
    sources: NODE_ONLY,
    description: "the weakest boundary.level a pod can have here, whatever its annotations say",
  },
  {
    name: "audit.file",
    kind: absolutePath,
    default:
      process.platform === "win32"
        ? "C:\\ProgramData\\containerd\\runhcs\\audit.jsonl"
        : "/var/log/containerd-shim-runhcs/audit.jsonl",
    sources: NODE_ONLY,
    description: "records of what hcsctl does in containers over their agents, one line of JSON each",
  },
  {
    name: "agent.enabled",
    kind: flag,
    default: false,
    sources: ANYWHERE,
    description:
      "containers in VMs run the agent instead of their image's program: work and files reach them over a Hyper-V socket (hcsctl exec, hcsctl cp)",
  },
  {
    name: "agent.directory",
    kind: text,
    default: "",
    sources: ANYWHERE,
    description: "where containers have the agent; empty: /.hpcc or C:\\.hpcc",
  },
  {
    name: "agent.program",
    kind: text,
    default: "",
    sources: RUNTIME,
    description: "the agent that goes into containers; empty: the one that came with the shim",
  },
  {
    name: "agent.parity",
    kind: oneOf("off", "warn", "refuse"),
    default: "warn",
    sources: NODE_ONLY,
    description:
      "what hcsctl exec --compiler does where the compilers of host and container differ: nothing, a warning, or no work at all",
  },
  {
    name: "agent.store",
    kind: absolutePath,
    default:
      process.platform === "win32"
        ? "C:\\ProgramData\\containerd\\runhcs\\agent"
        : "/var/lib/containerd-shim-runhcs/agent",
    sources: NODE_ONLY,
    description: "where the agent is made ready for containers, once for each version",
  },
];

function budgetRows(): OptionRow[] {
  return (Object.keys(PHASES) as PhaseName[]).map((name) => ({
    name: `budgets.${name}`,
    kind: duration,
    default: PHASES[name].budgetMs,
    sources: ANYWHERE,
    description: `longest time for: ${PHASES[name].description}`,
  }));
}

/** All options by name. */
export const OPTIONS: ReadonlyMap<string, OptionRow> = new Map(
  [...ROWS, ...budgetRows()].map((row) => [row.name, row]),
);

export const ANNOTATION_PREFIX = "io.containerd.runhcs.";
