/* Stand-in for vmcompute.dll: the Host Network Service. Prototype from hcsshim, internal/hns. */
#include "../rig/check.h"

RIG_EXPORT HRESULT WINAPI HNSCall(PCWSTR method, PCWSTR path, PCWSTR object, PWSTR *response)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "method", method) || !RigRequire(__func__, "path", path) ||
        !RigRequire(__func__, "object", object) || !RigRequire(__func__, "response", response))
        return E_POINTER;
    *response = NULL;
    call = RigBegin(__func__);
    RigText(call, "method", method);
    RigText(call, "path", path);
    RigText(call, "body", object);
    hresult = RigSend(call);
    *response = RigGetCoTaskResult(call, "document");
    RigEnd(call);
    return hresult;
}
