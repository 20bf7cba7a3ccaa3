/** Processes of HostProcess containers in a VM, as its guest can start them. */
import { win32 } from "node:path";
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { Process, Spec } from "../spec.ts";
import { hostProcessKind } from "./classify.ts";

/** The account that stands for "whoever the host runs as" inside a VM. */
export const GUEST_SYSTEM_USER = "NT AUTHORITY\\SYSTEM";

/**
 * The process as it is started: by way of `cmd`, because the guest looks a program up outside the container's own view
 * of the file system, and as SYSTEM where the task inherits its user. Processes of all other tasks stay as they are.
 *
 * @param task the spec of the task, for an exec too: the annotations of its own have no say
 */
export function guestProcess(task: Spec, process: Process): Process {
  if (hostProcessKind(task) !== "guest") return process;
  const inherits = task.annotations[ANNOTATION.inheritUser.key] === "true";
  return { ...process, ...viaCmd(process), ...(inherits ? { username: GUEST_SYSTEM_USER } : {}) };
}

function viaCmd({ commandLine, args }: Process): Partial<Pick<Process, "commandLine" | "args">> {
  if (commandLine !== undefined && commandLine !== "") {
    const [program = ""] = commandLine.trim().split(/\s+/);
    return isCmd(program) ? {} : { commandLine: `cmd /c ${commandLine}` };
  }
  const [program] = args;
  if (program === undefined || isCmd(program.trim())) return {};
  return { args: ["cmd", "/c", ...args] };
}

/** Quotes are part of the name: what is quoted is not recognised. */
function isCmd(program: string): boolean {
  const name = win32.parse(program).base.toLowerCase();
  return name === "cmd" || name === "cmd.exe";
}
