/*
 * What all stand-in DLLs share: a connection to the host of the rig, the handles that a DLL has given out, and the memory it
 * has handed over. See ../../README.md for the protocol.
 */
#ifndef RUNHCS_RIG_H
#define RUNHCS_RIG_H

/* winsock2.h must come before windows.h. */
#include <winsock2.h>
#include <windows.h>

#define RIG_EXPORT __declspec(dllexport)

/* --- Messages: named fields, each a number, a text or null. --- */

typedef struct RigMessage RigMessage;

/* Begins a call of `function` that is to be forwarded. */
RigMessage *RigBegin(const char *function);
void RigNumber(RigMessage *message, const char *name, UINT64 value);
/* A text of the caller, NULL as null. Unpaired surrogates are a violation. */
void RigText(RigMessage *message, const char *name, PCWSTR text);
/*
 * Sends the call and waits for its answer, whose fields take the place of the call's. Returns field `hresult` of the answer, or
 * RPC_S_SERVER_UNAVAILABLE as HRESULT without a host.
 */
HRESULT RigSend(RigMessage *message);
void RigEnd(RigMessage *message);
/* Sends and ends a call that the DLL answers itself, for the record: nothing is answered. */
void RigNote(RigMessage *message);

BOOL RigHas(const RigMessage *message, const char *name);
/* 0 without the field. */
UINT64 RigGetNumber(const RigMessage *message, const char *name);
/* The text by LocalAlloc, for the caller of the DLL to free by LocalFree; counted until then. NULL without the field. */
PWSTR RigGetResult(const RigMessage *message, const char *name);
/* The same by CoTaskMemAlloc, for functions whose callers free by CoTaskMemFree. */
PWSTR RigGetCoTaskResult(const RigMessage *message, const char *name);
/* The text for the DLL itself, to be freed by `free`. NULL without the field. */
PWSTR RigGetText(const RigMessage *message, const char *name);

/* Begins, sends and ends a call that has one handle and nothing to answer but its result. */
HRESULT RigForward(const char *function, UINT64 id);

/* --- Strictness --- */

/* Tells the host that the DLL was used in a way that the real one would not stand. Fails the test. */
void RigViolation(const char *function, const char *format, ...);
/* Whether a pointer that must not be NULL is not; a violation otherwise. */
BOOL RigRequire(const char *function, const char *argument, const void *pointer);

/* --- Handles: what a DLL gives out, by kind ("system"), with the id the host knows it by. --- */

typedef struct RigHandle {
    const char *kind;
    UINT64 id;
    /* Of the DLL: what was registered for events. */
    void *callback;
    const void *context;
    /* Of the DLL: anything. Freed by it. */
    void *data;
    struct RigHandle *next;
} RigHandle;

/* A new handle; its address is what the caller gets. */
RigHandle *RigOpen(const char *kind, UINT64 id);
/* The handle that a caller passed; a violation and NULL when it was never given out, was closed, or is of another kind. */
RigHandle *RigFind(const char *function, const char *kind, const void *value);
/* The open handle with this id; NULL when there is none (any more). */
RigHandle *RigFindById(const char *kind, UINT64 id);
/* Closes and frees. */
void RigClose(RigHandle *handle);

/* --- Events --- */

/*
 * Each DLL defines this: called on a thread of the DLL, for one event of the host after the other. Calling back may block until the
 * program's own loop runs.
 */
void RigOnEvent(const char *name, const RigMessage *message);

/* A second connection to the host that carries the bytes of stream `id`; INVALID_SOCKET when there is no host. */
SOCKET RigConnectStream(UINT64 id);

#endif
