/* Stand-in for computestorage.dll: union file systems over volumes. */
#include "../rig/rig.h"

#include <computestorage.h>

/* Not in the header of mingw-w64. Source: learn.microsoft.com, "HcsAttachOverlayFilter function". */
HRESULT WINAPI HcsAttachOverlayFilter(PCWSTR volumePath, PCWSTR layerData);
HRESULT WINAPI HcsDetachOverlayFilter(PCWSTR volumePath, PCWSTR layerData);

static HRESULT forward(const char *function, PCWSTR volume_path, PCWSTR layer_data)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(function, "volumePath", volume_path) || !RigRequire(function, "layerData", layer_data))
        return E_POINTER;
    call = RigBegin(function);
    RigText(call, "volumePath", volume_path);
    RigText(call, "layerData", layer_data);
    hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI HcsAttachOverlayFilter(PCWSTR volumePath, PCWSTR layerData)
{
    return forward(__func__, volumePath, layerData);
}

RIG_EXPORT HRESULT WINAPI HcsDetachOverlayFilter(PCWSTR volumePath, PCWSTR layerData)
{
    return forward(__func__, volumePath, layerData);
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
