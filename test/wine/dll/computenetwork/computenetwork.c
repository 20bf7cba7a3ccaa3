/*
 * Stand-in for computenetwork.dll: networks, namespaces and endpoints. The three kinds have the same functions, given once; only
 * endpoints are created in something.
 */
#include "../rig/check.h"

#include <computenetwork.h>

#define NETWORK "network"

static PWSTR *cleared(PWSTR *text)
{
    if (text != NULL) *text = NULL;
    return text;
}

/* Sends a call, hands out its error record and its document, and ends it. */
static HRESULT finish(RigMessage *call, PWSTR *document, PWSTR *record)
{
    HRESULT hresult = RigSend(call);
    if (record != NULL) *record = RigGetCoTaskResult(call, "record");
    if (document != NULL && SUCCEEDED(hresult)) *document = RigGetCoTaskResult(call, "document");
    RigEnd(call);
    return hresult;
}

static HRESULT open_object(RigMessage *call, const char *kind, void **object, PWSTR *record)
{
    HRESULT hresult = RigSend(call);
    if (record != NULL) *record = RigGetCoTaskResult(call, "record");
    if (SUCCEEDED(hresult)) *object = RigOpen(kind, RigGetNumber(call, "handle"));
    RigEnd(call);
    return hresult;
}

static HRESULT enumerate(const char *function, PCWSTR query, PWSTR *list, PWSTR *record)
{
    RigMessage *call;
    cleared(record);
    if (!RigRequire(function, "Query", query) || !RigRequire(function, "list", cleared(list))) return E_POINTER;
    call = RigBegin(function);
    RigText(call, "query", query);
    return finish(call, list, record);
}

static HRESULT create(const char *function, const char *kind, RigHandle *parent, const GUID *id, PCWSTR settings,
                      void **object, PWSTR *record)
{
    RigMessage *call;
    cleared(record);
    if (!RigRequire(function, "Id", id) || !RigRequire(function, "Settings", settings) ||
        !RigRequire(function, "object", object))
        return E_POINTER;
    call = RigBegin(function);
    if (parent != NULL) RigNumber(call, "network", parent->id);
    RigGuid(call, "id", id);
    RigText(call, "settings", settings);
    return open_object(call, kind, object, record);
}

static HRESULT open_by_id(const char *function, const char *kind, const GUID *id, void **object, PWSTR *record)
{
    RigMessage *call;
    cleared(record);
    if (!RigRequire(function, "Id", id) || !RigRequire(function, "object", object)) return E_POINTER;
    call = RigBegin(function);
    RigGuid(call, "id", id);
    return open_object(call, kind, object, record);
}

static HRESULT on_object(const char *function, const char *kind, void *object, const char *name, PCWSTR text,
                         PWSTR *document, PWSTR *record)
{
    RigHandle *handle = RigFind(function, kind, object);
    RigMessage *call;
    cleared(record);
    cleared(document);
    if (handle == NULL) return E_HANDLE;
    if (!RigRequire(function, name, text)) return E_POINTER;
    call = RigBegin(function);
    RigNumber(call, "handle", handle->id);
    RigText(call, name, text);
    return finish(call, document, record);
}

static HRESULT delete_by_id(const char *function, const GUID *id, PWSTR *record)
{
    RigMessage *call;
    cleared(record);
    if (!RigRequire(function, "Id", id)) return E_POINTER;
    call = RigBegin(function);
    RigGuid(call, "id", id);
    return finish(call, NULL, record);
}

static HRESULT close_object(const char *function, const char *kind, void *object)
{
    RigHandle *handle = RigFind(function, kind, object);
    RigMessage *call;
    if (handle == NULL) return E_HANDLE;
    call = RigBegin(function);
    RigNumber(call, "handle", handle->id);
    RigClose(handle);
    return finish(call, NULL, NULL);
}

#define ENUMERATE(Name)                                                            \
    RIG_EXPORT HRESULT WINAPI Name(PCWSTR Query, PWSTR *List, PWSTR *ErrorRecord)  \
    {                                                                              \
        return enumerate(__func__, Query, List, ErrorRecord);                      \
    }

#define OPEN(Name, TYPE, kind)                                                     \
    RIG_EXPORT HRESULT WINAPI Name(REFGUID Id, TYPE *Object, PWSTR *ErrorRecord)   \
    {                                                                              \
        return open_by_id(__func__, kind, Id, Object, ErrorRecord);                \
    }

#define MODIFY(Name, TYPE, kind)                                                          \
    RIG_EXPORT HRESULT WINAPI Name(TYPE Object, PCWSTR Settings, PWSTR *ErrorRecord)      \
    {                                                                                     \
        return on_object(__func__, kind, Object, "settings", Settings, NULL, ErrorRecord); \
    }

#define QUERY(Name, TYPE, kind)                                                                        \
    RIG_EXPORT HRESULT WINAPI Name(TYPE Object, PCWSTR Query, PWSTR *Properties, PWSTR *ErrorRecord)   \
    {                                                                                                  \
        if (!RigRequire(__func__, "Properties", Properties)) return E_POINTER;                         \
        return on_object(__func__, kind, Object, "query", Query, Properties, ErrorRecord);             \
    }

#define DELETE_BY_ID(Name)                                                         \
    RIG_EXPORT HRESULT WINAPI Name(REFGUID Id, PWSTR *ErrorRecord)                 \
    {                                                                              \
        return delete_by_id(__func__, Id, ErrorRecord);                            \
    }

#define CLOSE(Name, TYPE, kind)                                                    \
    RIG_EXPORT HRESULT WINAPI Name(TYPE Object)                                    \
    {                                                                              \
        return close_object(__func__, kind, Object);                               \
    }

ENUMERATE(HcnEnumerateNetworks)
OPEN(HcnOpenNetwork, HCN_NETWORK, NETWORK)
MODIFY(HcnModifyNetwork, HCN_NETWORK, NETWORK)
QUERY(HcnQueryNetworkProperties, HCN_NETWORK, NETWORK)
DELETE_BY_ID(HcnDeleteNetwork)
CLOSE(HcnCloseNetwork, HCN_NETWORK, NETWORK)

ENUMERATE(HcnEnumerateNamespaces)
OPEN(HcnOpenNamespace, HCN_NAMESPACE, "namespace")
MODIFY(HcnModifyNamespace, HCN_NAMESPACE, "namespace")
QUERY(HcnQueryNamespaceProperties, HCN_NAMESPACE, "namespace")
DELETE_BY_ID(HcnDeleteNamespace)
CLOSE(HcnCloseNamespace, HCN_NAMESPACE, "namespace")

ENUMERATE(HcnEnumerateEndpoints)
OPEN(HcnOpenEndpoint, HCN_ENDPOINT, "endpoint")
MODIFY(HcnModifyEndpoint, HCN_ENDPOINT, "endpoint")
QUERY(HcnQueryEndpointProperties, HCN_ENDPOINT, "endpoint")
DELETE_BY_ID(HcnDeleteEndpoint)
CLOSE(HcnCloseEndpoint, HCN_ENDPOINT, "endpoint")

RIG_EXPORT HRESULT WINAPI HcnCreateNetwork(REFGUID Id, PCWSTR Settings, PHCN_NETWORK Network, PWSTR *ErrorRecord)
{
    return create(__func__, NETWORK, NULL, Id, Settings, Network, ErrorRecord);
}

RIG_EXPORT HRESULT WINAPI HcnCreateNamespace(REFGUID Id, PCWSTR Settings, PHCN_NAMESPACE Namespace, PWSTR *ErrorRecord)
{
    return create(__func__, "namespace", NULL, Id, Settings, Namespace, ErrorRecord);
}

RIG_EXPORT HRESULT WINAPI HcnCreateEndpoint(HCN_NETWORK Network, REFGUID Id, PCWSTR Settings, PHCN_ENDPOINT Endpoint,
                                            PWSTR *ErrorRecord)
{
    RigHandle *network = RigFind(__func__, NETWORK, Network);
    if (network == NULL) return E_HANDLE;
    return create(__func__, "endpoint", network, Id, Settings, Endpoint, ErrorRecord);
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
