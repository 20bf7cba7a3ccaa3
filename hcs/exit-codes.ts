/** Exit codes by which Windows says why a process has ended that did not choose its code itself. */

/** It was ended from outside (ERROR_PROCESS_ABORTED, winerror.h). */
export const PROCESS_ABORTED = 1067;

/** It was refused memory (STATUS_NO_MEMORY, ntstatus.h). */
export const NO_MEMORY = 0xc000_0017;

/** … because all there is was given away (STATUS_COMMITMENT_LIMIT, ntstatus.h). */
const COMMITMENT_LIMIT = 0xc000_012d;

/** Whether a Windows process says by its exit code that it ran out of memory. */
export function isOutOfMemory(exitCode: number): boolean {
  return exitCode === NO_MEMORY || exitCode === COMMITMENT_LIMIT;
}
