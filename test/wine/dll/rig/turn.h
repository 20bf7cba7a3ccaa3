/*
 * Callbacks of handles, with what the real service keeps: while a callback for a handle runs, closing the handle or taking the callback
 * back waits for its end (unless done in the callback itself). A program that closes handles on the thread its callbacks run on hangs
 * here as it would there.
 */
#ifndef RUNHCS_RIG_TURN_H
#define RUNHCS_RIG_TURN_H

#include "rig.h"

/* Guards what a DLL keeps in its handles. */
void RigEnter(void);
void RigLeave(void);
/* Inside: waits until no callback for this handle runs. */
void RigAwaitCallback(const void *handle);
/* Inside, and leaves: from now on a callback for this handle runs, on this thread. */
void RigBeginCallback(const void *handle);
void RigEndCallback(void);

#endif
