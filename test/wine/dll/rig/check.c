#include "check.h"

#include <stdio.h>

void RigGuid(RigMessage *message, const char *name, const GUID *guid)
{
    WCHAR text[40];
    if (guid == NULL) {
        RigText(message, name, NULL);
        return;
    }
    swprintf(text, 40, L"%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid->Data1, guid->Data2, guid->Data3,
             guid->Data4[0], guid->Data4[1], guid->Data4[2], guid->Data4[3], guid->Data4[4], guid->Data4[5],
             guid->Data4[6], guid->Data4[7]);
    RigText(message, name, text);
}

BOOL RigRequireHandle(const char *function, const char *argument, HANDLE handle)
{
    DWORD flags;
    if (GetHandleInformation(handle, &flags)) return TRUE;
    RigViolation(function, "argument %s is no handle of this process: %p", argument, handle);
    return FALSE;
}
