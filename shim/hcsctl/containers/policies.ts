/** `policy ls`, `policy show`: security policies, as people read them and as specs have them. */
import { createPolicy, type Policy } from "../../../oci/policy/policy.ts";
import { PROFILES } from "../../../oci/policy/profiles.ts";
import type { CommandContext } from "../command.ts";
import { formatTable } from "../table.ts";

export async function ls({ flags, print }: CommandContext): Promise<void> {
  if (flags["json"] === true) return print(`${JSON.stringify(PROFILES, null, 2)}\n`);
  const columns = [{ title: "PROFILE" }, { title: "GROUPS" }, { title: "WHAT IT IS FOR" }] as const;
  print(
    formatTable(
      columns,
      PROFILES.map(({ name, groups, summary }) => [name, groups.join(", ") || "-", summary]),
    ),
  );
}

export async function show({ flags, lists, arguments: names, print }: CommandContext): Promise<void> {
  const policy = createPolicy(
    names.flatMap((name) => name.split(",")),
    {
      compat: flags["no-compat"] !== true,
      noSpawn: flags["no-spawn"] === true,
      noSockets: flags["no-sockets"] === true,
      log: flags["log"] === true,
      addSyscalls: lists["add"] ?? [],
    },
  );
  for (const warning of policy.warnings) process.stderr.write(`hcsctl: warning: ${warning}\n`);
  print(flags["json"] === true ? `${JSON.stringify(policy.seccomp, null, 2)}\n` : policyText(policy));
}

const WIDTH = 100;

function policyText({ names, seccomp, paths }: Policy): string {
  const allowed = seccomp.syscalls.filter(
    ({ action, args }) => action === "SCMP_ACT_ALLOW" && args === undefined,
  );
  const conditional = seccomp.syscalls.filter(({ args }) => args !== undefined);
  const refused = seccomp.syscalls.filter(({ action }) => action === "SCMP_ACT_ERRNO");
  const others =
    seccomp.defaultAction === "SCMP_ACT_LOG"
      ? "everything else is allowed, and logged"
      : "everything else: EPERM";
  return [
    `policy ${names.join(", ")}`,
    section("allowed", wrapped(allowed.flatMap((entry) => entry.names))),
    section(
      "allowed under conditions",
      conditional.map(
        ({ names: calls, args = [] }) =>
          `${calls.join(", ")}: ${args.map(({ index, op, value, valueTwo }) => `argument ${index} ${op.replace("SCMP_CMP_", "").toLowerCase()} ${value}${valueTwo === undefined ? "" : ` ${valueTwo}`}`).join(", ")}`,
      ),
    ),
    section("do not exist (ENOSYS)", wrapped(refused.flatMap((entry) => entry.names))),
    others,
    section(
      "paths (not enforced by guests)",
      paths.map(({ path, access }) => `${access.padEnd(3)} ${path}`),
    ),
    "",
  ]
    .filter((text, index, all) => text !== "" || index === all.length - 1)
    .join("\n");
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${title}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
