/* Stand-in for computecore.dll: compute systems and processes by operations. */
#include "../rig/rig.h"
#include "../rig/process-stdio.h"
#include "../rig/turn.h"

#include <computecore.h>
#include <stdlib.h>

#define HCS_E_OPERATION_NOT_STARTED ((HRESULT)0x80370115)
#define HCS_E_OPERATION_ALREADY_STARTED ((HRESULT)0x80370116)
#define HCS_E_OPERATION_PENDING ((HRESULT)0x80370117)
#define HCS_E_PROCESS_INFO_NOT_AVAILABLE ((HRESULT)0x8037011d)

#define SYSTEM "system"
#define PROCESS "process"
#define OPERATION "operation"

/* What there is of an operation beside its handle. Guarded by RigEnter. */
typedef struct Operation {
    enum { IDLE, PENDING, COMPLETE } state;
    HRESULT hresult;
    /* Answer that refused it, or that it completed with. */
    PWSTR document;
    UINT32 process_id;
    UINT64 streams[3];
    BOOL has_process, process_taken;
} Operation;

/* --- Operations --- */

/* For the record: what is done with an operation itself. */
static void note_operation(const char *function, const RigHandle *handle)
{
    RigMessage *note = RigBegin(function);
    RigNumber(note, OPERATION, handle->id);
    RigNumber(note, "hasCallback", handle->callback != NULL);
    RigNote(note);
}

RIG_EXPORT HCS_OPERATION WINAPI HcsCreateOperation(const void *context, HCS_OPERATION_COMPLETION callback)
{
    static LONG64 last_id;
    RigHandle *handle = RigOpen(OPERATION, InterlockedIncrement64(&last_id));
    handle->callback = (void *)callback;
    handle->context = context;
    handle->data = calloc(1, sizeof(Operation));
    note_operation(__func__, handle);
    return (HCS_OPERATION)handle;
}

RIG_EXPORT void WINAPI HcsCloseOperation(HCS_OPERATION operation)
{
    RigHandle *handle = RigFind(__func__, OPERATION, operation);
    if (handle == NULL) return;
    note_operation(__func__, handle);
    RigEnter();
    RigAwaitCallback(handle);
    free(((Operation *)handle->data)->document);
    free(handle->data);
    RigClose(handle);
    RigLeave();
}

RIG_EXPORT HRESULT WINAPI HcsCancelOperation(HCS_OPERATION operation)
{
    RigHandle *handle = RigFind(__func__, OPERATION, operation);
    return handle == NULL ? E_INVALIDARG : RigForward(__func__, handle->id);
}

static PWSTR copy_document(PCWSTR document)
{
    RigMessage *message = RigBegin("copy");
    PWSTR copy;
    RigText(message, "document", document);
    copy = RigGetResult(message, "document");
    RigEnd(message);
    return copy;
}

static HRESULT operation_result(const char *function, HCS_OPERATION operation, HCS_PROCESS_INFORMATION *information,
                                PWSTR *document)
{
    RigHandle *handle = RigFind(function, OPERATION, operation);
    static const char *const streams[] = {"stdin", "stdout", "stderr"};
    Operation *state;
    RigMessage *info = NULL;
    HRESULT hresult;
    if (document != NULL) *document = NULL;
    if (handle == NULL) return E_INVALIDARG;
    note_operation(function, handle);
    RigEnter();
    state = handle->data;
    if (document != NULL && state->document != NULL) *document = copy_document(state->document);
    if (state->state == PENDING) {
        hresult = HCS_E_OPERATION_PENDING;
    } else if (state->state == IDLE) {
        hresult = HCS_E_OPERATION_NOT_STARTED;
    } else {
        hresult = state->hresult;
        if (information != NULL && SUCCEEDED(hresult)) {
            if (!state->has_process) hresult = HCS_E_PROCESS_INFO_NOT_AVAILABLE;
            else if (state->process_taken) RigViolation(function, "the process information was taken before");
            else {
                info = RigBegin("information");
                RigNumber(info, "processId", state->process_id);
                for (int index = 0; index < 3; index++)
                    if (state->streams[index] != 0) RigNumber(info, streams[index], state->streams[index]);
                state->process_taken = TRUE;
            }
        }
    }
    RigLeave();
    if (info != NULL) {
        RigMakeStdio(info, information);
        RigEnd(info);
    }
    return hresult;
}

RIG_EXPORT HRESULT WINAPI HcsGetOperationResult(HCS_OPERATION operation, PWSTR *document)
{
    return operation_result(__func__, operation, NULL, document);
}

RIG_EXPORT HRESULT WINAPI HcsGetOperationResultAndProcessInfo(HCS_OPERATION operation, HCS_PROCESS_INFORMATION *information,
                                                              PWSTR *document)
{
    if (!RigRequire(__func__, "processInformation", information)) return E_INVALIDARG;
    return operation_result(__func__, operation, information, document);
}

/*
 * Sends the call that `operation` is for, and ends it. When the host accepts it, the operation completes by an event, which may well
 * be handled before this returns. `id` gets field `handle` of the answer where it is wanted.
 */
static HRESULT start_operation(const char *function, RigMessage *call, HCS_OPERATION operation, UINT64 *id)
{
    RigHandle *handle = RigFind(function, OPERATION, operation);
    Operation *state;
    HRESULT hresult;
    if (handle == NULL) {
        RigEnd(call);
        return E_INVALIDARG;
    }
    RigEnter();
    state = handle->data;
    if (state->state != IDLE) {
        RigLeave();
        RigEnd(call);
        return HCS_E_OPERATION_ALREADY_STARTED;
    }
    state->state = PENDING;
    RigLeave();
    RigNumber(call, OPERATION, handle->id);
    hresult = RigSend(call);
    if (FAILED(hresult)) {
        RigEnter();
        state->state = IDLE;
        state->document = RigGetText(call, "document");
        RigLeave();
    } else if (id != NULL) {
        *id = RigGetNumber(call, "handle");
    }
    RigEnd(call);
    return hresult;
}

static void complete_operation(const RigMessage *event)
{
    RigHandle *handle;
    HCS_OPERATION_COMPLETION callback = NULL;
    const void *context = NULL;
    RigEnter();
    handle = RigFindById(OPERATION, RigGetNumber(event, OPERATION));
    if (handle != NULL) {
        Operation *state = handle->data;
        state->state = COMPLETE;
        state->hresult = (HRESULT)RigGetNumber(event, "hresult");
        free(state->document);
        state->document = RigGetText(event, "document");
        state->has_process = RigHas(event, "processId");
        state->process_id = (UINT32)RigGetNumber(event, "processId");
        state->streams[0] = RigGetNumber(event, "stdin");
        state->streams[1] = RigGetNumber(event, "stdout");
        state->streams[2] = RigGetNumber(event, "stderr");
        callback = (HCS_OPERATION_COMPLETION)handle->callback;
        context = handle->context;
    }
    if (callback == NULL) {
        RigLeave();
        return;
    }
    RigBeginCallback(handle);
    callback((HCS_OPERATION)handle, (void *)context);
    RigEndCallback();
}

/* --- Events of systems and processes --- */

static void notify(const char *kind, const RigMessage *event)
{
    RigHandle *handle;
    HCS_EVENT_CALLBACK callback;
    const void *context;
    HCS_EVENT told = {0};
    PWSTR data = RigGetText(event, "data");
    told.Type = (HCS_EVENT_TYPE)RigGetNumber(event, "type");
    told.EventData = data;
    RigEnter();
    handle = RigFindById(kind, RigGetNumber(event, "handle"));
    callback = handle == NULL ? NULL : (HCS_EVENT_CALLBACK)handle->callback;
    if (callback == NULL) {
        RigLeave();
    } else {
        context = handle->context;
        RigBeginCallback(handle);
        callback(&told, (void *)context);
        RigEndCallback();
    }
    free(data);
}

void RigOnEvent(const char *name, const RigMessage *event)
{
    if (strcmp(name, OPERATION) == 0) complete_operation(event);
    else notify(name, event);
}

/* Registers a callback, or with NULL takes it back: then none is running when this returns. */
static HRESULT set_callback(const char *function, const char *kind, const void *value, HCS_EVENT_OPTIONS options,
                            const void *context, HCS_EVENT_CALLBACK callback)
{
    RigHandle *handle = RigFind(function, kind, value);
    RigMessage *call;
    HRESULT hresult;
    if (handle == NULL) return E_INVALIDARG;
    RigEnter();
    if (callback == NULL) RigAwaitCallback(handle);
    handle->callback = (void *)callback;
    handle->context = context;
    RigLeave();
    call = RigBegin(function);
    RigNumber(call, "handle", handle->id);
    RigNumber(call, "options", (UINT32)options);
    RigNumber(call, "registered", callback != NULL);
    hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

/* --- Compute systems --- */

RIG_EXPORT HRESULT WINAPI HcsEnumerateComputeSystems(PCWSTR query, HCS_OPERATION operation)
{
    RigMessage *call = RigBegin(__func__);
    RigText(call, "query", query);
    return start_operation(__func__, call, operation, NULL);
}

RIG_EXPORT HRESULT WINAPI HcsCreateComputeSystem(PCWSTR id, PCWSTR configuration, HCS_OPERATION operation,
                                                 const SECURITY_DESCRIPTOR *descriptor, HCS_SYSTEM *system)
{
    RigMessage *call;
    UINT64 handle;
    HRESULT hresult;
    if (!RigRequire(__func__, "id", id) || !RigRequire(__func__, "configuration", configuration) ||
        !RigRequire(__func__, "computeSystem", system))
        return E_POINTER;
    *system = NULL;
    if (descriptor != NULL) RigViolation(__func__, "a security descriptor is not expected");
    call = RigBegin(__func__);
    RigText(call, "id", id);
    RigText(call, "configuration", configuration);
    hresult = start_operation(__func__, call, operation, &handle);
    if (SUCCEEDED(hresult)) *system = (HCS_SYSTEM)RigOpen(SYSTEM, handle);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI HcsOpenComputeSystem(PCWSTR id, DWORD access, HCS_SYSTEM *system)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "id", id) || !RigRequire(__func__, "computeSystem", system)) return E_POINTER;
    *system = NULL;
    call = RigBegin(__func__);
    RigText(call, "id", id);
    RigNumber(call, "access", access);
    hresult = RigSend(call);
    if (SUCCEEDED(hresult)) *system = (HCS_SYSTEM)RigOpen(SYSTEM, RigGetNumber(call, "handle"));
    RigEnd(call);
    return hresult;
}

static void close_handle(const char *function, const char *kind, const void *value)
{
    RigHandle *handle = RigFind(function, kind, value);
    UINT64 id;
    if (handle == NULL) return;
    RigEnter();
    RigAwaitCallback(handle);
    id = handle->id;
    RigClose(handle);
    RigLeave();
    RigForward(function, id);
}

RIG_EXPORT void WINAPI HcsCloseComputeSystem(HCS_SYSTEM system)
{
    close_handle(__func__, SYSTEM, system);
}

RIG_EXPORT HRESULT WINAPI HcsSetComputeSystemCallback(HCS_SYSTEM system, HCS_EVENT_OPTIONS options, const void *context,
                                                      HCS_EVENT_CALLBACK callback)
{
    return set_callback(__func__, SYSTEM, system, options, context, callback);
}

/* A call on a handle, with one text at most. */
static HRESULT operate(const char *function, const char *kind, const void *value, HCS_OPERATION operation, const char *name,
                       PCWSTR text)
{
    RigHandle *handle = RigFind(function, kind, value);
    RigMessage *call;
    if (handle == NULL) return E_INVALIDARG;
    call = RigBegin(function);
    RigNumber(call, "handle", handle->id);
    RigText(call, name, text);
    return start_operation(function, call, operation, NULL);
}

#define SYSTEM_OPERATION(Name)                                                                        \
    RIG_EXPORT HRESULT WINAPI Name(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)        \
    {                                                                                                 \
        return operate(__func__, SYSTEM, system, operation, "options", options);                      \
    }

SYSTEM_OPERATION(HcsStartComputeSystem)
SYSTEM_OPERATION(HcsShutDownComputeSystem)
SYSTEM_OPERATION(HcsTerminateComputeSystem)
SYSTEM_OPERATION(HcsCrashComputeSystem)
SYSTEM_OPERATION(HcsPauseComputeSystem)
SYSTEM_OPERATION(HcsResumeComputeSystem)

RIG_EXPORT HRESULT WINAPI HcsGetComputeSystemProperties(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR query)
{
    return operate(__func__, SYSTEM, system, operation, "query", query);
}

RIG_EXPORT HRESULT WINAPI HcsModifyComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR configuration,
                                                 HANDLE identity)
{
    if (!RigRequire(__func__, "configuration", configuration)) return E_POINTER;
    if (identity != NULL) RigViolation(__func__, "an identity is not expected");
    return operate(__func__, SYSTEM, system, operation, "configuration", configuration);
}

/* --- Processes --- */

RIG_EXPORT HRESULT WINAPI HcsCreateProcess(HCS_SYSTEM system, PCWSTR parameters, HCS_OPERATION operation,
                                           const SECURITY_DESCRIPTOR *descriptor, HCS_PROCESS *process)
{
    RigHandle *handle = RigFind(__func__, SYSTEM, system);
    RigMessage *call;
    UINT64 id;
    HRESULT hresult;
    if (!RigRequire(__func__, "processParameters", parameters) || !RigRequire(__func__, "process", process)) return E_POINTER;
    *process = NULL;
    if (handle == NULL) return E_INVALIDARG;
    if (descriptor != NULL) RigViolation(__func__, "a security descriptor is not expected");
    call = RigBegin(__func__);
    RigNumber(call, "handle", handle->id);
    RigText(call, "parameters", parameters);
    hresult = start_operation(__func__, call, operation, &id);
    if (SUCCEEDED(hresult)) *process = (HCS_PROCESS)RigOpen(PROCESS, id);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI HcsOpenProcess(HCS_SYSTEM system, DWORD process_id, DWORD access, HCS_PROCESS *process)
{
    RigHandle *handle = RigFind(__func__, SYSTEM, system);
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "process", process)) return E_POINTER;
    *process = NULL;
    if (handle == NULL) return E_INVALIDARG;
    call = RigBegin(__func__);
    RigNumber(call, "handle", handle->id);
    RigNumber(call, "processId", process_id);
    RigNumber(call, "access", access);
    hresult = RigSend(call);
    if (SUCCEEDED(hresult)) *process = (HCS_PROCESS)RigOpen(PROCESS, RigGetNumber(call, "process"));
    RigEnd(call);
    return hresult;
}

RIG_EXPORT void WINAPI HcsCloseProcess(HCS_PROCESS process)
{
    close_handle(__func__, PROCESS, process);
}

RIG_EXPORT HRESULT WINAPI HcsSetProcessCallback(HCS_PROCESS process, HCS_EVENT_OPTIONS options, void *context,
                                                HCS_EVENT_CALLBACK callback)
{
    return set_callback(__func__, PROCESS, process, options, context, callback);
}

#define PROCESS_OPERATION(Name, argument)                                                             \
    RIG_EXPORT HRESULT WINAPI Name(HCS_PROCESS process, HCS_OPERATION operation, PCWSTR text)         \
    {                                                                                                 \
        return operate(__func__, PROCESS, process, operation, argument, text);                        \
    }

PROCESS_OPERATION(HcsTerminateProcess, "options")
PROCESS_OPERATION(HcsSignalProcess, "options")
PROCESS_OPERATION(HcsModifyProcess, "settings")

/* --- The service --- */

static HRESULT ask_service(const char *function, const char *name, PCWSTR text, PWSTR *result)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(function, "result", result)) return E_POINTER;
    call = RigBegin(function);
    RigText(call, name, text);
    hresult = RigSend(call);
    *result = RigGetResult(call, "document");
    RigEnd(call);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI HcsGetServiceProperties(PCWSTR query, PWSTR *result)
{
    return ask_service(__func__, "query", query, result);
}

RIG_EXPORT HRESULT WINAPI HcsModifyServiceSettings(PCWSTR settings, PWSTR *result)
{
    return ask_service(__func__, "settings", settings, result);
}
