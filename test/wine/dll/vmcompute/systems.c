/* Stand-in for vmcompute.dll: compute systems and processes by calls that answer themselves, or by notifications. */
#include "vmcompute.h"

#include "../rig/process-stdio.h"
#include "../rig/turn.h"

#include <stdlib.h>

#define SYSTEM "system"
#define PROCESS "process"
#define REGISTRATION "registration"

/* Ends a call: hands out its documents, and says what it came to. */
static HRESULT finish(RigMessage *call, HRESULT hresult, PWSTR *properties, PWSTR *result)
{
    if (properties != NULL) *properties = RigGetResult(call, "properties");
    *result = RigGetResult(call, "document");
    RigEnd(call);
    return hresult;
}

/* A call on a handle, with one text at most. `properties` is NULL where the function has none. */
static HRESULT operate(const char *function, const char *kind, const void *value, const char *name, PCWSTR text,
                       PWSTR *properties, PWSTR *result)
{
    RigHandle *handle = RigFind(function, kind, value);
    RigMessage *call;
    if (!RigRequire(function, "result", result)) return E_POINTER;
    *result = NULL;
    if (handle == NULL) return E_INVALIDARG;
    call = RigBegin(function);
    RigNumber(call, "handle", handle->id);
    RigText(call, name, text);
    return finish(call, RigSend(call), properties, result);
}

/* --- Callbacks: a registration is a handle of its own, whose `data` is what it is for. --- */

static HRESULT add_callback(const char *function, const char *kind, const void *value, HCS_NOTIFICATION_CALLBACK callback,
                            void *context, HCS_CALLBACK *registration)
{
    RigHandle *handle = RigFind(function, kind, value), *added;
    HRESULT hresult;
    if (!RigRequire(function, "callback", (void *)callback) || !RigRequire(function, "callbackHandle", registration))
        return E_POINTER;
    *registration = NULL;
    if (handle == NULL) return E_INVALIDARG;
    RigEnter();
    if (handle->callback != NULL) RigViolation(function, "the handle has a callback");
    handle->callback = (void *)callback;
    handle->context = context;
    RigLeave();
    hresult = RigForward(function, handle->id);
    if (FAILED(hresult)) {
        handle->callback = NULL;
        return hresult;
    }
    added = RigOpen(REGISTRATION, handle->id);
    added->data = handle;
    *registration = (HCS_CALLBACK)added;
    return hresult;
}

static HRESULT remove_callback(const char *function, HCS_CALLBACK registration)
{
    RigHandle *handle = RigFind(function, REGISTRATION, registration), *target;
    if (handle == NULL) return E_INVALIDARG;
    RigEnter();
    target = handle->data;
    RigAwaitCallback(target);
    target->callback = NULL;
    RigClose(handle);
    RigLeave();
    return S_OK;
}

void RigOnEvent(const char *name, const RigMessage *event)
{
    RigHandle *handle;
    HCS_NOTIFICATION_CALLBACK callback;
    const void *context;
    PWSTR data = RigGetText(event, "data");
    RigEnter();
    handle = RigFindById(name, RigGetNumber(event, "handle"));
    callback = handle == NULL ? NULL : (HCS_NOTIFICATION_CALLBACK)handle->callback;
    if (callback == NULL) {
        RigLeave();
    } else {
        context = handle->context;
        RigBeginCallback(handle);
        callback((DWORD)RigGetNumber(event, "type"), (void *)context, (HRESULT)RigGetNumber(event, "status"), data);
        RigEndCallback();
    }
    free(data);
}

static HRESULT close_handle(const char *function, const char *kind, const void *value)
{
    RigHandle *handle = RigFind(function, kind, value);
    UINT64 id;
    if (handle == NULL) return E_INVALIDARG;
    RigEnter();
    if (handle->callback != NULL) RigViolation(function, "the handle still has a callback");
    id = handle->id;
    RigClose(handle);
    RigLeave();
    return RigForward(function, id);
}

/* --- Compute systems --- */

RIG_EXPORT HRESULT WINAPI HcsEnumerateComputeSystems(PCWSTR query, PWSTR *systems, PWSTR *result)
{
    RigMessage *call;
    if (!RigRequire(__func__, "computeSystems", systems) || !RigRequire(__func__, "result", result)) return E_POINTER;
    call = RigBegin(__func__);
    RigText(call, "query", query);
    return finish(call, RigSend(call), systems, result);
}

RIG_EXPORT HRESULT WINAPI HcsCreateComputeSystem(PCWSTR id, PCWSTR configuration, HANDLE identity, HCS_SYSTEM *system,
                                                 PWSTR *result)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "id", id) || !RigRequire(__func__, "configuration", configuration) ||
        !RigRequire(__func__, "computeSystem", system) || !RigRequire(__func__, "result", result))
        return E_POINTER;
    *system = NULL;
    if (identity != NULL) RigViolation(__func__, "an identity is not expected");
    call = RigBegin(__func__);
    RigText(call, "id", id);
    RigText(call, "configuration", configuration);
    hresult = RigSend(call);
    /* A creation that is pending has a handle as well. */
    if (RigHas(call, "handle")) *system = (HCS_SYSTEM)RigOpen(SYSTEM, RigGetNumber(call, "handle"));
    return finish(call, hresult, NULL, result);
}

RIG_EXPORT HRESULT WINAPI HcsOpenComputeSystem(PCWSTR id, HCS_SYSTEM *system, PWSTR *result)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "id", id) || !RigRequire(__func__, "computeSystem", system) ||
        !RigRequire(__func__, "result", result))
        return E_POINTER;
    *system = NULL;
    call = RigBegin(__func__);
    RigText(call, "id", id);
    hresult = RigSend(call);
    if (SUCCEEDED(hresult)) *system = (HCS_SYSTEM)RigOpen(SYSTEM, RigGetNumber(call, "handle"));
    return finish(call, hresult, NULL, result);
}

RIG_EXPORT HRESULT WINAPI HcsCloseComputeSystem(HCS_SYSTEM system)
{
    return close_handle(__func__, SYSTEM, system);
}

RIG_EXPORT HRESULT WINAPI HcsRegisterComputeSystemCallback(HCS_SYSTEM system, HCS_NOTIFICATION_CALLBACK callback,
                                                           void *context, HCS_CALLBACK *registration)
{
    return add_callback(__func__, SYSTEM, system, callback, context, registration);
}

RIG_EXPORT HRESULT WINAPI HcsUnregisterComputeSystemCallback(HCS_CALLBACK registration)
{
    return remove_callback(__func__, registration);
}

#define SYSTEM_CALL(Name)                                                             \
    RIG_EXPORT HRESULT WINAPI Name(HCS_SYSTEM system, PCWSTR options, PWSTR *result)  \
    {                                                                                 \
        return operate(__func__, SYSTEM, system, "options", options, NULL, result);   \
    }

SYSTEM_CALL(HcsStartComputeSystem)
SYSTEM_CALL(HcsShutdownComputeSystem)
SYSTEM_CALL(HcsTerminateComputeSystem)
SYSTEM_CALL(HcsPauseComputeSystem)
SYSTEM_CALL(HcsResumeComputeSystem)

RIG_EXPORT HRESULT WINAPI HcsGetComputeSystemProperties(HCS_SYSTEM system, PCWSTR query, PWSTR *properties, PWSTR *result)
{
    if (!RigRequire(__func__, "properties", properties)) return E_POINTER;
    return operate(__func__, SYSTEM, system, "query", query, properties, result);
}

RIG_EXPORT HRESULT WINAPI HcsModifyComputeSystem(HCS_SYSTEM system, PCWSTR configuration, PWSTR *result)
{
    if (!RigRequire(__func__, "configuration", configuration)) return E_POINTER;
    return operate(__func__, SYSTEM, system, "configuration", configuration, NULL, result);
}

/* --- Processes --- */

RIG_EXPORT HRESULT WINAPI HcsCreateProcess(HCS_SYSTEM system, PCWSTR parameters, HCS_PROCESS_INFORMATION *information,
                                           HCS_PROCESS *process, PWSTR *result)
{
    RigHandle *handle = RigFind(__func__, SYSTEM, system);
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "processParameters", parameters) ||
        !RigRequire(__func__, "processInformation", information) || !RigRequire(__func__, "process", process) ||
        !RigRequire(__func__, "result", result))
        return E_POINTER;
    *process = NULL;
    if (handle == NULL) return E_INVALIDARG;
    call = RigBegin(__func__);
    RigNumber(call, "handle", handle->id);
    RigText(call, "parameters", parameters);
    hresult = RigSend(call);
    if (SUCCEEDED(hresult)) {
        *process = (HCS_PROCESS)RigOpen(PROCESS, RigGetNumber(call, "process"));
        RigMakeStdio(call, information);
    }
    return finish(call, hresult, NULL, result);
}

RIG_EXPORT HRESULT WINAPI HcsOpenProcess(HCS_SYSTEM system, DWORD process_id, HCS_PROCESS *process, PWSTR *result)
{
    RigHandle *handle = RigFind(__func__, SYSTEM, system);
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "process", process) || !RigRequire(__func__, "result", result)) return E_POINTER;
    *process = NULL;
    if (handle == NULL) return E_INVALIDARG;
    call = RigBegin(__func__);
    RigNumber(call, "handle", handle->id);
    RigNumber(call, "processId", process_id);
    hresult = RigSend(call);
    if (SUCCEEDED(hresult)) *process = (HCS_PROCESS)RigOpen(PROCESS, RigGetNumber(call, "process"));
    return finish(call, hresult, NULL, result);
}

RIG_EXPORT HRESULT WINAPI HcsCloseProcess(HCS_PROCESS process)
{
    return close_handle(__func__, PROCESS, process);
}

RIG_EXPORT HRESULT WINAPI HcsRegisterProcessCallback(HCS_PROCESS process, HCS_NOTIFICATION_CALLBACK callback, void *context,
                                                     HCS_CALLBACK *registration)
{
    return add_callback(__func__, PROCESS, process, callback, context, registration);
}

RIG_EXPORT HRESULT WINAPI HcsUnregisterProcessCallback(HCS_CALLBACK registration)
{
    return remove_callback(__func__, registration);
}

RIG_EXPORT HRESULT WINAPI HcsTerminateProcess(HCS_PROCESS process, PWSTR *result)
{
    return operate(__func__, PROCESS, process, "options", NULL, NULL, result);
}

RIG_EXPORT HRESULT WINAPI HcsSignalProcess(HCS_PROCESS process, PCWSTR options, PWSTR *result)
{
    return operate(__func__, PROCESS, process, "options", options, NULL, result);
}

RIG_EXPORT HRESULT WINAPI HcsGetProcessProperties(HCS_PROCESS process, PWSTR *properties, PWSTR *result)
{
    if (!RigRequire(__func__, "processProperties", properties)) return E_POINTER;
    return operate(__func__, PROCESS, process, "options", NULL, properties, result);
}

RIG_EXPORT HRESULT WINAPI HcsModifyProcess(HCS_PROCESS process, PCWSTR settings, PWSTR *result)
{
    return operate(__func__, PROCESS, process, "settings", settings, NULL, result);
}

/* --- The service --- */

RIG_EXPORT HRESULT WINAPI HcsGetServiceProperties(PCWSTR query, PWSTR *properties, PWSTR *result)
{
    RigMessage *call;
    if (!RigRequire(__func__, "properties", properties) || !RigRequire(__func__, "result", result)) return E_POINTER;
    call = RigBegin(__func__);
    RigText(call, "query", query);
    return finish(call, RigSend(call), properties, result);
}

RIG_EXPORT HRESULT WINAPI HcsModifyServiceSettings(PCWSTR settings, PWSTR *result)
{
    RigMessage *call;
    if (!RigRequire(__func__, "settings", settings) || !RigRequire(__func__, "result", result)) return E_POINTER;
    call = RigBegin(__func__);
    RigText(call, "settings", settings);
    return finish(call, RigSend(call), NULL, result);
}
