/* Stand-in for vmcompute.dll: layers. Prototypes from hcsshim, internal/wclayer. */
#include "../rig/check.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct DriverInfo {
    int Flavour;
    const WCHAR *HomeDir;
} DriverInfo;

typedef struct WC_LAYER_DESCRIPTOR {
    GUID LayerId;
    UINT32 Flags;
    const WCHAR *Path;
} WC_LAYER_DESCRIPTOR;

#define FILTER_DRIVER 1

/* Begins a call about the layer at `path`; NULL when it is no proper one. */
static RigMessage *begin(const char *function, const DriverInfo *info, const WCHAR *path)
{
    RigMessage *call;
    if (!RigRequire(function, "info", info) || !RigRequire(function, "HomeDir", info->HomeDir) ||
        !RigRequire(function, "id", path))
        return NULL;
    if (info->Flavour != FILTER_DRIVER || info->HomeDir[0] != 0)
        RigViolation(function, "the driver info is not that of layers by full path");
    call = RigBegin(function);
    RigText(call, "path", path);
    return call;
}

static BOOL add_parents(RigMessage *call, const char *function, const WC_LAYER_DESCRIPTOR *parents, SIZE_T count)
{
    SIZE_T index;
    if ((parents == NULL) != (count == 0)) {
        RigViolation(function, "%u descriptors at %p", (unsigned)count, parents);
        return FALSE;
    }
    RigNumber(call, "count", count);
    for (index = 0; index < count; index++) {
        char name[24];
        if (!RigRequire(function, "Path", parents[index].Path)) return FALSE;
        if (parents[index].Flags != 0) RigViolation(function, "descriptor has flags 0x%x", parents[index].Flags);
        snprintf(name, sizeof name, "id%u", (unsigned)index);
        RigGuid(call, name, &parents[index].LayerId);
        snprintf(name, sizeof name, "path%u", (unsigned)index);
        RigText(call, name, parents[index].Path);
    }
    return TRUE;
}

static HRESULT finish(RigMessage *call)
{
    HRESULT hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

static HRESULT on_layer(const char *function, const DriverInfo *info, const WCHAR *path)
{
    RigMessage *call = begin(function, info, path);
    return call == NULL ? E_POINTER : finish(call);
}

static HRESULT with_parents(const char *function, const DriverInfo *info, const WCHAR *path,
                            const WC_LAYER_DESCRIPTOR *parents, SIZE_T count)
{
    RigMessage *call = begin(function, info, path);
    if (call == NULL) return E_POINTER;
    if (add_parents(call, function, parents, count)) return finish(call);
    RigEnd(call);
    return E_POINTER;
}

RIG_EXPORT HRESULT WINAPI CreateSandboxLayer(const DriverInfo *info, const WCHAR *id, const void *parent,
                                             const WC_LAYER_DESCRIPTOR *descriptors, SIZE_T count)
{
    if (parent != NULL) RigViolation(__func__, "parent is given twice");
    return with_parents(__func__, info, id, descriptors, count);
}

RIG_EXPORT HRESULT WINAPI PrepareLayer(const DriverInfo *info, const WCHAR *id, const WC_LAYER_DESCRIPTOR *descriptors,
                                       SIZE_T count)
{
    static LONG preparing;
    HRESULT hresult;
    /* Calls that overlap race in the real one. */
    if (InterlockedIncrement(&preparing) != 1) RigViolation(__func__, "two layers are prepared at the same time");
    hresult = with_parents(__func__, info, id, descriptors, count);
    InterlockedDecrement(&preparing);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI ActivateLayer(const DriverInfo *info, const WCHAR *id)
{
    return on_layer(__func__, info, id);
}

RIG_EXPORT HRESULT WINAPI UnprepareLayer(const DriverInfo *info, const WCHAR *id)
{
    return on_layer(__func__, info, id);
}

RIG_EXPORT HRESULT WINAPI DeactivateLayer(const DriverInfo *info, const WCHAR *id)
{
    return on_layer(__func__, info, id);
}

RIG_EXPORT HRESULT WINAPI GetLayerMountPath(const DriverInfo *info, const WCHAR *id, SIZE_T *length, WCHAR *buffer)
{
    RigMessage *call;
    HRESULT hresult;
    PWSTR volume;
    if (!RigRequire(__func__, "length", length)) return E_POINTER;
    call = begin(__func__, info, id);
    if (call == NULL) return E_POINTER;
    hresult = RigSend(call);
    volume = RigGetText(call, "volume");
    RigEnd(call);
    if (SUCCEEDED(hresult)) {
        SIZE_T needed = volume == NULL ? 0 : wcslen(volume) + 1;
        if (buffer != NULL && *length < needed) hresult = HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER);
        else if (buffer != NULL) wcscpy(buffer, volume);
        *length = needed;
    }
    free(volume);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI GrantVmAccess(const WCHAR *vmid, const WCHAR *filepath)
{
    RigMessage *call;
    if (!RigRequire(__func__, "vmid", vmid) || !RigRequire(__func__, "filepath", filepath)) return E_POINTER;
    call = RigBegin(__func__);
    RigText(call, "vmId", vmid);
    RigText(call, "path", filepath);
    return finish(call);
}
