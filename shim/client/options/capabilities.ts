/** Linux capabilities (capabilities(7)) by preset or by name. */
import { ClientError } from "../errors.ts";

/** What containerv leaves a container: all it knows but those that reach beyond the container. */
const CONTAINERV = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_OWNER",
  "SYS_CHROOT",
  "SYS_PACCT",
  "SYS_PTRACE",
  "SYS_TTY_CONFIG",
  "LEASE",
];

const OTHERS = [
  "DAC_READ_SEARCH",
  "FSETID",
  "IPC_LOCK",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "MKNOD",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "AUDIT_READ",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
];

const PRESETS: Readonly<Record<string, readonly string[]>> = {
  containerv: CONTAINERV,
  all: [...CONTAINERV, ...OTHERS],
  none: [],
};

/** A preset (`containerv`, `all`, `none`) or names, with or without `CAP_`. */
export type Capabilities = "containerv" | "all" | "none" | readonly string[];

/** `process.capabilities`. @throws {ClientError} InvalidArgument naming what is no capability */
export function linuxCapabilities(wanted: Capabilities): Record<string, string[]> {
  const names = capabilityNames(wanted).map((name) => `CAP_${name}`);
  // No ambient or inheritable ones: a program of another user gains nothing by running.
  return { bounding: names, effective: names, permitted: names };
}

function capabilityNames(wanted: Capabilities): readonly string[] {
  if (typeof wanted === "string") {
    const preset = PRESETS[wanted];
    if (preset !== undefined) return preset;
    const known = Object.keys(PRESETS).join(", ");
    throw refused(`must be a list, or one of ${known}`, wanted);
  }
  return [...new Set(wanted.map((name) => name.toUpperCase().replace(/^CAP_/, "")))].map((name) => {
    if (PRESETS["all"]?.includes(name) === true) return name;
    throw refused("there is no such capability", name);
  });
}

function refused(rule: string, value: string): ClientError {
  return new ClientError("InvalidArgument", `invalid capabilities: ${rule} (found "${value}")`, {
    field: "capabilities",
    value,
  });
}
