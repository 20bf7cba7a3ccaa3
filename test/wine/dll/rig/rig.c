#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>
#include <objbase.h>

/* --- Messages --- */

/* Kinds of frames; see host/frame.ts. */
enum { FRAME_CALL = 1, FRAME_ANSWER = 2, FRAME_EVENT = 3, FRAME_HELLO = 4, FRAME_VIOLATION = 5, FRAME_ASK = 6,
       FRAME_REPORT = 7, FRAME_STREAM = 8, FRAME_NOTE = 9 };
/* Types of fields. */
enum { FIELD_NULL = 0, FIELD_NUMBER = 1, FIELD_TEXT = 2 };

/* u32 size of what follows, u8 kind, u32 id. */
#define HEADER 9

struct RigMessage {
    char *function;
    unsigned char *bytes;
    size_t size, capacity;
    UINT32 id;
    /* Set when the answer has come, or nothing can come any more. */
    HANDLE answered;
    BOOL lost;
    struct RigMessage *next;
};

static void *must(void *memory)
{
    if (memory == NULL) abort();
    return memory;
}

static RigMessage *new_message(const char *function, BYTE kind)
{
    RigMessage *message = must(calloc(1, sizeof *message));
    message->function = must(_strdup(function));
    message->capacity = 256;
    message->bytes = must(malloc(message->capacity));
    memset(message->bytes, 0, HEADER);
    message->bytes[4] = kind;
    message->size = HEADER;
    return message;
}

static void append(RigMessage *message, const void *data, size_t size)
{
    while (message->size + size > message->capacity) {
        message->capacity *= 2;
        message->bytes = must(realloc(message->bytes, message->capacity));
    }
    memcpy(message->bytes + message->size, data, size);
    message->size += size;
}

static void append_name(RigMessage *message, const char *name, BYTE type)
{
    BYTE length = (BYTE)strlen(name);
    append(message, &length, 1);
    append(message, name, length);
    append(message, &type, 1);
}

void RigNumber(RigMessage *message, const char *name, UINT64 value)
{
    append_name(message, name, FIELD_NUMBER);
    append(message, &value, 8);
}

static void append_utf8(RigMessage *message, const char *name, const char *text, UINT32 size)
{
    append_name(message, name, FIELD_TEXT);
    append(message, &size, 4);
    append(message, text, size);
}

void RigText(RigMessage *message, const char *name, PCWSTR text)
{
    int size;
    char *utf8;
    if (text == NULL) {
        append_name(message, name, FIELD_NULL);
        return;
    }
    size = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, text, -1, NULL, 0, NULL, NULL);
    if (size == 0) {
        RigViolation(message->function, "argument %s is not UTF-16", name);
        append_name(message, name, FIELD_NULL);
        return;
    }
    utf8 = must(malloc(size));
    WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, size, NULL, NULL);
    append_utf8(message, name, utf8, size - 1);
    free(utf8);
}

/* The type of a field, with where its value begins; -1 without the field. */
static int find_field(const RigMessage *message, const char *wanted, const unsigned char **value)
{
    size_t at = HEADER;
    while (at < message->size) {
        BYTE length = message->bytes[at];
        const char *name = (const char *)message->bytes + at + 1;
        BYTE type = message->bytes[at + 1 + length];
        at += 2 + length;
        *value = message->bytes + at;
        if (strlen(wanted) == length && memcmp(name, wanted, length) == 0) return type;
        if (type == FIELD_NUMBER) at += 8;
        if (type == FIELD_TEXT) at += 4 + *(const UINT32 *)*value;
    }
    return -1;
}

BOOL RigHas(const RigMessage *message, const char *name)
{
    const unsigned char *value;
    return find_field(message, name, &value) > FIELD_NULL;
}

UINT64 RigGetNumber(const RigMessage *message, const char *name)
{
    const unsigned char *value;
    UINT64 number;
    if (find_field(message, name, &value) != FIELD_NUMBER) return 0;
    memcpy(&number, value, 8);
    return number;
}

/* Characters of a text with its NUL; 0 without the field. */
static int text_length(const RigMessage *message, const char *name, const char **utf8, int *size)
{
    const unsigned char *value;
    if (find_field(message, name, &value) != FIELD_TEXT) return 0;
    *size = (int)*(const UINT32 *)value;
    *utf8 = (const char *)value + 4;
    return MultiByteToWideChar(CP_UTF8, 0, *utf8, *size, NULL, 0) + 1;
}

PWSTR RigGetText(const RigMessage *message, const char *name)
{
    const char *utf8;
    int size, length = text_length(message, name, &utf8, &size);
    PWSTR text;
    if (length == 0) return NULL;
    text = must(malloc(length * sizeof *text));
    MultiByteToWideChar(CP_UTF8, 0, utf8, size, text, length - 1);
    text[length - 1] = 0;
    return text;
}

void RigEnd(RigMessage *message)
{
    if (message->answered != NULL) CloseHandle(message->answered);
    free(message->function);
    free(message->bytes);
    free(message);
}

/* --- Results: memory that the caller has to free --- */

/*
 * Whether a result has been freed shows in the heap alone, because it is the caller who frees it. It is found by walking the heap: nothing
 * else that looks at memory which may have been freed is safe (HeapValidate and HeapSize fault where its pages are gone).
 */

/* Behind the text of every result, so that its memory can be told from memory that was given out again since. */
typedef struct Mark {
    UINT64 magic, serial;
} Mark;

typedef struct Result {
    PWSTR text;
    size_t mark_at;
    UINT64 serial;
    BOOL is_outstanding;
    struct Result *next;
} Result;

#define MAGIC 0x5343485f4749525fULL
/*
 * Room before the mark, so that every result is a block of pages of its own, which the heap lists one by one. Smaller blocks may be parts of
 * one block of the list, and carry the mark of what they were when they are given out again. Pages that nobody touches cost nothing.
 */
#define ROOM (600 * 1024)

static CRITICAL_SECTION lock;
static Result *results;
static UINT64 last_serial;

/* Marks the result that a block of the heap is, if it is one. */
static void find_result(const PROCESS_HEAP_ENTRY *block)
{
    Result *result;
    for (result = results; result != NULL; result = result->next) {
        Mark mark;
        if (result->text != block->lpData || block->cbData != result->mark_at + sizeof mark) continue;
        memcpy(&mark, (const char *)block->lpData + result->mark_at, sizeof mark);
        result->is_outstanding |= mark.magic == MAGIC && mark.serial == result->serial;
    }
}

/* Forgets what has been freed. Returns how many are left. */
static int count_results(void)
{
    HANDLE heap = GetProcessHeap();
    PROCESS_HEAP_ENTRY block = {0};
    Result **place;
    int count = 0;
    for (place = &results; *place != NULL; place = &(*place)->next) (*place)->is_outstanding = FALSE;
    /* Nobody frees while this looks. */
    HeapLock(heap);
    while (results != NULL && HeapWalk(heap, &block))
        if ((block.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0 && block.cbData > ROOM) find_result(&block);
    HeapUnlock(heap);
    for (place = &results; *place != NULL;) {
        Result *result = *place;
        if (result->is_outstanding) {
            count++;
            place = &result->next;
        } else {
            *place = result->next;
            free(result);
        }
    }
    return count;
}

/* A text for the caller of the DLL, in memory from `allocate`; counted until it is freed. */
static PWSTR give_result(const RigMessage *message, const char *name, void *(*allocate)(size_t size))
{
    const char *utf8;
    int size, length = text_length(message, name, &utf8, &size);
    Mark mark = {MAGIC, 0};
    Result *result;
    if (length == 0) return NULL;
    result = must(calloc(1, sizeof *result));
    result->mark_at = length * sizeof(WCHAR) + ROOM;
    result->text = must(allocate(result->mark_at + sizeof mark));
    MultiByteToWideChar(CP_UTF8, 0, utf8, size, result->text, length - 1);
    result->text[length - 1] = 0;
    EnterCriticalSection(&lock);
    mark.serial = result->serial = ++last_serial;
    memcpy((char *)result->text + result->mark_at, &mark, sizeof mark);
    result->next = results;
    results = result;
    LeaveCriticalSection(&lock);
    return result->text;
}

static void *allocate_local(size_t size)
{
    return LocalAlloc(LMEM_FIXED, size);
}

static void *allocate_task(size_t size)
{
    return CoTaskMemAlloc(size);
}

PWSTR RigGetResult(const RigMessage *message, const char *name)
{
    return give_result(message, name, allocate_local);
}

PWSTR RigGetCoTaskResult(const RigMessage *message, const char *name)
{
    return give_result(message, name, allocate_task);
}

/* --- Handles --- */

static RigHandle *handles;

RigHandle *RigOpen(const char *kind, UINT64 id)
{
    RigHandle *handle = must(calloc(1, sizeof *handle));
    handle->kind = kind;
    handle->id = id;
    EnterCriticalSection(&lock);
    handle->next = handles;
    handles = handle;
    LeaveCriticalSection(&lock);
    return handle;
}

RigHandle *RigFind(const char *function, const char *kind, const void *value)
{
    RigHandle *handle;
    EnterCriticalSection(&lock);
    /* The value itself may point anywhere: it is compared, never followed. */
    for (handle = handles; handle != NULL && handle != value; handle = handle->next) continue;
    LeaveCriticalSection(&lock);
    if (handle == NULL) {
        RigViolation(function, "%p is no open handle", value);
    } else if (strcmp(handle->kind, kind) != 0) {
        RigViolation(function, "the handle is a %s, wanted a %s", handle->kind, kind);
        return NULL;
    }
    return handle;
}

RigHandle *RigFindById(const char *kind, UINT64 id)
{
    RigHandle *handle;
    EnterCriticalSection(&lock);
    for (handle = handles; handle != NULL; handle = handle->next)
        if (handle->id == id && strcmp(handle->kind, kind) == 0) break;
    LeaveCriticalSection(&lock);
    return handle;
}

void RigClose(RigHandle *handle)
{
    RigHandle **place;
    EnterCriticalSection(&lock);
    for (place = &handles; *place != NULL; place = &(*place)->next)
        if (*place == handle) {
            *place = handle->next;
            break;
        }
    LeaveCriticalSection(&lock);
    free(handle);
}

/* --- The connection --- */

static CRITICAL_SECTION sending;
static INIT_ONCE connect_once = INIT_ONCE_STATIC_INIT;
static SOCKET host = INVALID_SOCKET;
static char library_name[64];
static struct sockaddr_in host_address;
/* Calls that wait for their answer, by id. Guarded by `lock`. */
static RigMessage *waiting;
static UINT32 last_id;
/* Events that wait for the dispatcher. Guarded by `lock`. */
static RigMessage *first_event, **last_event = &first_event;
static HANDLE events_there;

static BOOL send_bytes(SOCKET socket, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        int sent = send(socket, (const char *)bytes, (int)size, 0);
        if (sent <= 0) return FALSE;
        bytes += sent;
        size -= sent;
    }
    return TRUE;
}

static BOOL send_frame(SOCKET socket, RigMessage *message)
{
    UINT32 size = (UINT32)(message->size - 4);
    BOOL sent;
    memcpy(message->bytes, &size, 4);
    memcpy(message->bytes + 5, &message->id, 4);
    EnterCriticalSection(&sending);
    sent = send_bytes(socket, message->bytes, message->size);
    LeaveCriticalSection(&sending);
    return sent;
}

static BOOL receive_bytes(SOCKET socket, unsigned char *bytes, size_t size)
{
    while (size > 0) {
        int received = recv(socket, (char *)bytes, (int)size, 0);
        if (received <= 0) return FALSE;
        bytes += received;
        size -= received;
    }
    return TRUE;
}

static RigMessage *receive_frame(SOCKET socket)
{
    UINT32 size;
    RigMessage *message;
    if (!receive_bytes(socket, (unsigned char *)&size, 4)) return NULL;
    message = must(calloc(1, sizeof *message));
    message->size = message->capacity = size + 4;
    message->bytes = must(malloc(message->capacity));
    memcpy(message->bytes, &size, 4);
    if (!receive_bytes(socket, message->bytes + 4, size)) {
        RigEnd(message);
        return NULL;
    }
    memcpy(&message->id, message->bytes + 5, 4);
    return message;
}

/* Hands an answer to the thread that waits for it. */
static void deliver_answer(RigMessage *answer)
{
    RigMessage **place, *call = NULL;
    EnterCriticalSection(&lock);
    for (place = &waiting; *place != NULL; place = &(*place)->next)
        if ((*place)->id == answer->id) {
            call = *place;
            *place = call->next;
            break;
        }
    LeaveCriticalSection(&lock);
    if (call != NULL) {
        free(call->bytes);
        call->bytes = answer->bytes;
        call->size = answer->size;
        answer->bytes = NULL;
        SetEvent(call->answered);
    }
    RigEnd(answer);
}

static void queue_event(RigMessage *event)
{
    EnterCriticalSection(&lock);
    *last_event = event;
    last_event = &event->next;
    LeaveCriticalSection(&lock);
    ReleaseSemaphore(events_there, 1, NULL);
}

static void count_kind(RigMessage *report, const char *kind)
{
    RigHandle *handle;
    UINT64 count = 0;
    const unsigned char *value;
    if (find_field(report, kind, &value) >= 0) return;
    for (handle = handles; handle != NULL; handle = handle->next) count += strcmp(handle->kind, kind) == 0;
    RigNumber(report, kind, count);
}

/*
 * How many handles this process has, as far as can be seen: a new one gets the lowest number that is free. (Wine does not count them
 * for GetProcessHandleCount.)
 */
static UINT64 process_handles(void)
{
    HANDLE next = CreateEventW(NULL, FALSE, FALSE, NULL);
    CloseHandle(next);
    return (UINT64)(ULONG_PTR)next / 4;
}

/* Tells what is open: handles by kind, and results that nobody has freed. */
static void send_report(UINT32 id)
{
    RigMessage *report = new_message("report", FRAME_REPORT);
    RigHandle *handle;
    report->id = id;
    EnterCriticalSection(&lock);
    for (handle = handles; handle != NULL; handle = handle->next) count_kind(report, handle->kind);
    RigNumber(report, "results", count_results());
    LeaveCriticalSection(&lock);
    RigNumber(report, "processHandles", process_handles());
    send_frame(host, report);
    RigEnd(report);
}

static DWORD WINAPI receive_loop(void *unused)
{
    RigMessage *message, *call;
    (void)unused;
    while ((message = receive_frame(host)) != NULL) {
        switch (message->bytes[4]) {
        case FRAME_ANSWER: deliver_answer(message); break;
        case FRAME_EVENT: queue_event(message); break;
        case FRAME_ASK: send_report(message->id); RigEnd(message); break;
        default: RigEnd(message); break;
        }
    }
    EnterCriticalSection(&lock);
    for (call = waiting; call != NULL; call = call->next) {
        call->lost = TRUE;
        SetEvent(call->answered);
    }
    waiting = NULL;
    host = INVALID_SOCKET;
    LeaveCriticalSection(&lock);
    return 0;
}

static DWORD WINAPI dispatch_loop(void *unused)
{
    (void)unused;
    for (;;) {
        RigMessage *event;
        PWSTR wide;
        char name[64] = "";
        WaitForSingleObject(events_there, INFINITE);
        EnterCriticalSection(&lock);
        event = first_event;
        first_event = event->next;
        if (first_event == NULL) last_event = &first_event;
        LeaveCriticalSection(&lock);
        wide = RigGetText(event, "event");
        if (wide != NULL) WideCharToMultiByte(CP_UTF8, 0, wide, -1, name, sizeof name, NULL, NULL);
        free(wide);
        RigOnEvent(name, event);
        RigEnd(event);
    }
    return 0;
}

static SOCKET connect_host(void)
{
    SOCKET connected = WSASocketW(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    BOOL at_once = TRUE;
    if (connected == INVALID_SOCKET) return connected;
    if (connect(connected, (struct sockaddr *)&host_address, sizeof host_address) != 0) {
        closesocket(connected);
        return INVALID_SOCKET;
    }
    setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, (char *)&at_once, sizeof at_once);
    return connected;
}

/* RUNHCS_RIG_PORT is the port of the host on this machine. */
static BOOL CALLBACK connect_library(INIT_ONCE *once, void *parameter, void **context)
{
    WSADATA data;
    char port[16];
    RigMessage *hello;
    HMODULE self;
    (void)once, (void)parameter, (void)context;
    if (GetEnvironmentVariableA("RUNHCS_RIG_PORT", port, sizeof port) == 0) return TRUE;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return TRUE;
    host_address.sin_family = AF_INET;
    host_address.sin_port = htons((u_short)atoi(port));
    host_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    host = connect_host();
    if (host == INVALID_SOCKET) return TRUE;
    /* Threads of this DLL run until the end of the process, which unloads libraries before that. */
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(void *)&host, &self);
    events_there = CreateSemaphoreW(NULL, 0, 1 << 30, NULL);
    hello = new_message("hello", FRAME_HELLO);
    append_utf8(hello, "library", library_name, (UINT32)strlen(library_name));
    RigNumber(hello, "process", GetCurrentProcessId());
    send_frame(host, hello);
    RigEnd(hello);
    CloseHandle(CreateThread(NULL, 0, receive_loop, NULL, 0, NULL));
    CloseHandle(CreateThread(NULL, 0, dispatch_loop, NULL, 0, NULL));
    return TRUE;
}

static BOOL is_connected(void)
{
    InitOnceExecuteOnce(&connect_once, connect_library, NULL, NULL);
    return host != INVALID_SOCKET;
}

SOCKET RigConnectStream(UINT64 id)
{
    SOCKET connected;
    RigMessage *hello;
    if (!is_connected()) return INVALID_SOCKET;
    connected = connect_host();
    if (connected == INVALID_SOCKET) return connected;
    hello = new_message("stream", FRAME_STREAM);
    RigNumber(hello, "stream", id);
    send_frame(connected, hello);
    RigEnd(hello);
    return connected;
}

/* --- Calls --- */

RigMessage *RigBegin(const char *function)
{
    RigMessage *message = new_message(function, FRAME_CALL);
    append_utf8(message, "function", function, (UINT32)strlen(function));
    return message;
}

HRESULT RigSend(RigMessage *message)
{
    if (!is_connected()) return HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    message->answered = must(CreateEventW(NULL, TRUE, FALSE, NULL));
    EnterCriticalSection(&lock);
    message->lost = host == INVALID_SOCKET;
    message->id = ++last_id;
    if (!message->lost) {
        message->next = waiting;
        waiting = message;
    }
    LeaveCriticalSection(&lock);
    /* When sending fails the connection is lost, and the loop that receives says so to everybody who waits. */
    if (!message->lost) {
        send_frame(host, message);
        WaitForSingleObject(message->answered, INFINITE);
    }
    if (message->lost) return HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    return (HRESULT)RigGetNumber(message, "hresult");
}

void RigNote(RigMessage *message)
{
    message->bytes[4] = FRAME_NOTE;
    if (is_connected()) send_frame(host, message);
    RigEnd(message);
}

HRESULT RigForward(const char *function, UINT64 id)
{
    RigMessage *call = RigBegin(function);
    HRESULT hresult;
    RigNumber(call, "handle", id);
    hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

void RigViolation(const char *function, const char *format, ...)
{
    char what[512];
    RigMessage *violation;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (!is_connected()) return;
    violation = new_message("violation", FRAME_VIOLATION);
    append_utf8(violation, "function", function, (UINT32)strlen(function));
    append_utf8(violation, "what", what, (UINT32)strlen(what));
    send_frame(host, violation);
    RigEnd(violation);
}

BOOL RigRequire(const char *function, const char *argument, const void *pointer)
{
    if (pointer == NULL) RigViolation(function, "%s is NULL", argument);
    return pointer != NULL;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) {
        char path[MAX_PATH], *name;
        DisableThreadLibraryCalls(instance);
        InitializeCriticalSection(&lock);
        InitializeCriticalSection(&sending);
        GetModuleFileNameA(instance, path, sizeof path);
        name = strrchr(path, '\\');
        strncpy(library_name, name == NULL ? path : name + 1, sizeof library_name - 1);
    }
    return TRUE;
}
