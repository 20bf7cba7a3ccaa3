/* Standard streams of processes: pipes, as the real service hands them out, relayed to the host of the rig. */
#ifndef RUNHCS_RIG_STDIO_H
#define RUNHCS_RIG_STDIO_H

#include "rig.h"
#include <computedefs.h>

/*
 * Makes the pipes that an answer of the host names by the ids of its streams (`stdin`, `stdout`, `stderr`; absent where the process
 * has none) and fills in the information, whose handles are the caller's from then on.
 */
void RigMakeStdio(const RigMessage *answer, HCS_PROCESS_INFORMATION *information);

#endif
