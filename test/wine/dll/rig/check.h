/* Checks of arguments that several stand-ins take. Each violation fails the test. */
#ifndef RUNHCS_RIG_CHECK_H
#define RUNHCS_RIG_CHECK_H

#include "rig.h"

/* Adds a GUID as lower-case text without braces. */
void RigGuid(RigMessage *message, const char *name, const GUID *guid);
/* A real handle of this process; a violation otherwise. */
BOOL RigRequireHandle(const char *function, const char *argument, HANDLE handle);

#endif
