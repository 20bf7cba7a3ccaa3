/** Commands that the shim itself runs in a Windows VM, beside its containers. */
import { runInVm } from "../vm/guest-command.ts";
import type { UvmView } from "../vm/uvm.ts";

/**
 * Runs a command as SYSTEM until it has ended.
 *
 * @param stream the one whose text is wanted
 * @returns what it wrote there
 * @throws {ShimError} GUEST_COMMAND_FAILED when it does not end with 0
 */
export async function runInGuest(
  uvm: UvmView,
  commandLine: string,
  stream: "stdout" | "stderr",
  signal: AbortSignal,
): Promise<string> {
  return runInVm(
    uvm,
    { CommandLine: commandLine, User: "NT AUTHORITY\\SYSTEM", WorkingDirectory: "C:\\" },
    stream,
    signal,
  );
}
