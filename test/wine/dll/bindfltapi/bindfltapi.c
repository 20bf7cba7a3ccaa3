/* Stand-in for bindfltapi.dll: files that the processes of a silo see. Prototype from hcsshim, internal/winapi. */
#include "../rig/check.h"

#define READ_ONLY_MAPPING 1
#define USE_CURRENT_SILO_MAPPING 4

RIG_EXPORT HRESULT WINAPI BfSetupFilter(HANDLE jobHandle, ULONG flags, PCWSTR virtRootPath, PCWSTR virtTargetPath,
                                        PCWSTR *virtExceptions, ULONG virtExceptionPathCount)
{
    RigMessage *call;
    HRESULT hresult;
    BOOL unused;
    if (!RigRequire(__func__, "virtRootPath", virtRootPath) || !RigRequire(__func__, "virtTargetPath", virtTargetPath))
        return E_POINTER;
    /* Only of a job can it be asked whether this process is in it. */
    if (!IsProcessInJob(GetCurrentProcess(), jobHandle, &unused)) {
        RigViolation(__func__, "jobHandle is no job: %p", jobHandle);
        return E_HANDLE;
    }
    if ((flags & USE_CURRENT_SILO_MAPPING) == 0) RigViolation(__func__, "the binding would be everybody's");
    if (virtExceptions != NULL || virtExceptionPathCount != 0) RigViolation(__func__, "there are no exceptions");
    call = RigBegin(__func__);
    RigText(call, "root", virtRootPath);
    RigText(call, "target", virtTargetPath);
    RigNumber(call, "readOnly", flags & READ_ONLY_MAPPING);
    hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
