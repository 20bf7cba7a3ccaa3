/** How a process is told that it belongs to the keeper, and what `ps` shows of processes. */
import type { ShimFlags } from "../flags.ts";

/** The argument that says it. */
const MEMBER = "-member";

/** What `ps` shows of one that has booted, in place of its arguments. */
export const READY_TITLE: string = `containerd-shim-runhcs-v1 ${MEMBER} ready`;

/** Room for the title of a process, which takes the place of its arguments. */
const LONGEST_TITLE = 1024;

/** Arguments of a process that waits for what the keeper says. On Windows a title takes no room; there the program is told what to be. */
export function memberArguments(): string[] {
  return process.platform === "win32" ? [MEMBER, "serve"] : [MEMBER, " ".repeat(LONGEST_TITLE)];
}

export function isMember(argv: readonly string[]): boolean {
  return argv.includes(MEMBER);
}

/** What `ps` shows of a process that was not started with its pod's flags, as if it had been. */
export function podTitle({ namespace, address, id }: ShimFlags): string {
  return `containerd-shim-runhcs-v1 -namespace ${namespace} -address ${address} -id ${id}`;
}
