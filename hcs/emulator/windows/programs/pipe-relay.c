/*
 * The container's end of pipes that are mapped into it. Wine's pipes do not leave its server, and it has no unix sockets:
 * this program serves the pipes inside, and carries what passes over them to the guest agent by its own standard input
 * and output (hcs/emulator/guest/windows/pipes has the other end).
 *
 * Both ways go frames: three little-endian numbers of 32 bits – kind, id, number – and after DATA that many bytes. Ids of
 * pipes are their places in the command line, those of connections count from 1.
 *
 *   kind        from the agent                               to the agent
 *   PRESENT 1   pipe has a server: lets clients in           done: number is the Windows error, 0 for none
 *   ABSENT 2    pipe has none: clients do not find it        -
 *   OPENED 3    -                                            a client has opened pipe `number`
 *   DATA 4      bytes for the client                         bytes of the client
 *   TAKEN 5     the host has taken `number` bytes            the client's pipe has taken `number` bytes
 *   CLOSED 6    the server has gone: after what it sent      the client has gone
 *   FINISH 7    no more clients; ends when all have gone     -
 *
 * Who has sent WINDOW bytes that were not taken waits. A frame of a connection that is no more is dropped: its CLOSED is
 * under way. The end of the agent is the end of it all.
 */
#include "pipe-relay.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { PRESENT = 1, ABSENT, OPENED, DATA, TAKEN, CLOSED, FINISH };

enum {
    /* Clients that can open a pipe at the same moment without being told that it is busy. */
    SPARE_INSTANCES = 8,
    BUFFER_BYTES = 64 * 1024,
    WINDOW = 4 * BUFFER_BYTES,
    /* No agent sends more in a frame. */
    LONGEST_DATA = 1024 * 1024,
    LONGEST_NAME = 256,
};

enum { PROTOCOL_BROKEN = 4, OUT_OF_RESOURCES };

struct frame {
    DWORD kind, id, number;
};

/* Something for a client, in the order in which it came. */
struct piece {
    struct piece *next;
    DWORD length, written;
    char bytes[];
};

struct message {
    struct frame frame;
    struct piece *piece;
};

struct pipe {
    wchar_t path[LONGEST_NAME + 16];
    BOOL present, was_present;
    unsigned listening;
};

enum state { LISTENING, OPEN, CLOSING };

/* An instance of a pipe. It is freed when it is CLOSING and nothing of it is pending. */
struct instance {
    struct instance *next;
    enum state state;
    DWORD id, pipe;
    HANDLE handle;
    OVERLAPPED in, out;
    BOOL in_pending, out_pending;
    /* The server has gone: closes after the last piece. */
    BOOL last_words;
    DWORD untaken;
    struct piece *first, **end;
    char buffer[BUFFER_BYTES];
};

static HANDLE port;
static struct pipe *pipes;
static DWORD pipe_count, last_id;
static struct instance *instances;
static BOOL finishing;

static void give_up(int code) { ExitProcess((UINT)code); }

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) give_up(OUT_OF_RESOURCES);
    return memory;
}

static BOOL read_all(void *target, DWORD bytes)
{
    for (DWORD got; bytes > 0; bytes -= got, target = (char *)target + got)
        if (!ReadFile(GetStdHandle(STD_INPUT_HANDLE), target, bytes, &got, NULL) || got == 0) return FALSE;
    return TRUE;
}

static void write_all(const void *source, DWORD bytes)
{
    for (DWORD put; bytes > 0; bytes -= put, source = (const char *)source + put)
        if (!WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), source, bytes, &put, NULL)) give_up(0);
}

static void tell(enum kind kind, DWORD id, DWORD number)
{
    struct frame frame = { kind, id, number };
    write_all(&frame, sizeof frame);
}

/* Reads frames and queues them where completions arrive, so that everything else happens in one thread. */
static DWORD WINAPI read_frames(void *unused)
{
    (void)unused;
    struct frame frame;
    while (read_all(&frame, sizeof frame)) {
        struct message *message = allocate(sizeof *message);
        message->frame = frame;
        if (frame.kind == DATA) {
            if (frame.number > LONGEST_DATA) give_up(PROTOCOL_BROKEN);
            message->piece = allocate(sizeof(struct piece) + frame.number);
            message->piece->length = frame.number;
            if (!read_all(message->piece->bytes, frame.number)) break;
        }
        if (!PostQueuedCompletionStatus(port, 0, 0, (OVERLAPPED *)(void *)message)) give_up(OUT_OF_RESOURCES);
    }
    give_up(0);
    return 0;
}

static struct instance *find(DWORD id)
{
    struct instance *instance = instances;
    while (instance != NULL && (instance->id != id || instance->state != OPEN)) instance = instance->next;
    return instance;
}

static void release_if_done(struct instance *instance)
{
    if (instance->state != CLOSING || instance->in_pending || instance->out_pending) return;
    CloseHandle(instance->handle);
    for (struct piece *piece = instance->first, *next; piece != NULL; piece = next) {
        next = piece->next;
        free(piece);
    }
    struct instance **place = &instances;
    while (*place != instance) place = &(*place)->next;
    *place = instance->next;
    free(instance);
}

/* Whatever is pending completes as cancelled, and finds the instance closing. */
static void close_instance(struct instance *instance)
{
    if (instance->state == LISTENING) pipes[instance->pipe].listening--;
    instance->state = CLOSING;
    CancelIoEx(instance->handle, NULL);
    release_if_done(instance);
}

static void client_gone(struct instance *instance)
{
    tell(CLOSED, instance->id, 0);
    close_instance(instance);
}

/* Success of a call whose end is told later. */
static BOOL is_under_way(BOOL outcome) { return outcome || GetLastError() == ERROR_IO_PENDING; }

static void read_on(struct instance *instance)
{
    if (instance->state != OPEN || instance->in_pending || instance->untaken >= WINDOW) return;
    instance->in_pending = TRUE;
    if (is_under_way(ReadFile(instance->handle, instance->buffer, BUFFER_BYTES, NULL, &instance->in))) return;
    instance->in_pending = FALSE;
    client_gone(instance);
}

static void write_on(struct instance *instance)
{
    if (instance->state != OPEN || instance->out_pending) return;
    struct piece *piece = instance->first;
    if (piece == NULL) {
        if (instance->last_words) close_instance(instance);
        return;
    }
    instance->out_pending = TRUE;
    if (is_under_way(WriteFile(instance->handle, piece->bytes + piece->written, piece->length - piece->written, NULL,
                               &instance->out)))
        return;
    instance->out_pending = FALSE;
    client_gone(instance);
}

static void opened(struct instance *instance)
{
    pipes[instance->pipe].listening--;
    instance->state = OPEN;
    instance->id = ++last_id;
    tell(OPENED, instance->id, instance->pipe);
    read_on(instance);
}

/* One more instance that waits for a client. */
static DWORD listen_once(DWORD index)
{
    struct pipe *pipe = &pipes[index];
    /* A name that a program of the container serves is not ours. FILE_FLAG_FIRST_PIPE_INSTANCE means nothing to Wine. */
    if (!pipe->was_present && (WaitNamedPipeW(pipe->path, 1) || GetLastError() != ERROR_FILE_NOT_FOUND))
        return ERROR_ALREADY_EXISTS;
    HANDLE handle = CreateNamedPipeW(pipe->path, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                     PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, PIPE_UNLIMITED_INSTANCES,
                                     BUFFER_BYTES, BUFFER_BYTES, 0, NULL);
    if (handle == INVALID_HANDLE_VALUE) return GetLastError();
    pipe->was_present = TRUE;
    struct instance *instance = allocate(sizeof *instance);
    instance->handle = handle;
    instance->pipe = index;
    instance->end = &instance->first;
    instance->next = instances;
    instances = instance;
    pipe->listening++;
    if (CreateIoCompletionPort(handle, port, (ULONG_PTR)instance, 0) == NULL) give_up(OUT_OF_RESOURCES);
    instance->in_pending = TRUE;
    if (is_under_way(ConnectNamedPipe(handle, &instance->in))) return ERROR_SUCCESS;
    DWORD error = GetLastError();
    instance->in_pending = FALSE;
    /* A client was quick; it may even have gone again, which its first read tells. */
    if (error == ERROR_PIPE_CONNECTED || error == ERROR_NO_DATA) {
        opened(instance);
        return ERROR_SUCCESS;
    }
    close_instance(instance);
    return error;
}

static DWORD listen_on(DWORD index)
{
    DWORD error = ERROR_SUCCESS;
    while (error == ERROR_SUCCESS && pipes[index].present && pipes[index].listening < SPARE_INSTANCES)
        error = listen_once(index);
    return error;
}

/* What a client has opened until now completes as that. */
static void stop_listening(DWORD index)
{
    pipes[index].present = FALSE;
    for (struct instance *instance = instances; instance != NULL; instance = instance->next)
        if (instance->pipe == index && instance->state == LISTENING) CancelIoEx(instance->handle, &instance->in);
}

/* ConnectNamedPipe or ReadFile has ended. */
static void completed_in(struct instance *instance, BOOL succeeded, DWORD bytes)
{
    instance->in_pending = FALSE;
    if (instance->state == CLOSING) {
        release_if_done(instance);
    } else if (instance->state == LISTENING) {
        DWORD index = instance->pipe;
        if (succeeded) opened(instance);
        else close_instance(instance);
        listen_on(index);
    } else if (!succeeded) {
        client_gone(instance);
    } else {
        /* A client may write nothing at all. */
        if (bytes > 0) {
            tell(DATA, instance->id, bytes);
            write_all(instance->buffer, bytes);
            instance->untaken += bytes;
        }
        read_on(instance);
    }
}

static void completed_out(struct instance *instance, BOOL succeeded, DWORD bytes)
{
    instance->out_pending = FALSE;
    if (instance->state == CLOSING) {
        release_if_done(instance);
        return;
    }
    if (!succeeded) {
        client_gone(instance);
        return;
    }
    struct piece *piece = instance->first;
    piece->written += bytes;
    if (piece->written == piece->length) {
        instance->first = piece->next;
        if (instance->first == NULL) instance->end = &instance->first;
        tell(TAKEN, instance->id, piece->length);
        free(piece);
    }
    write_on(instance);
}

static void heard(struct message *message)
{
    DWORD kind = message->frame.kind, id = message->frame.id, number = message->frame.number;
    if (kind == PRESENT || kind == ABSENT) {
        if (id >= pipe_count) give_up(PROTOCOL_BROKEN);
        if (kind == ABSENT) stop_listening(id);
        else {
            pipes[id].present = TRUE;
            tell(PRESENT, id, listen_on(id));
        }
        return;
    }
    if (kind == FINISH) {
        finishing = TRUE;
        for (DWORD index = 0; index < pipe_count; index++) stop_listening(index);
        return;
    }
    struct instance *instance = find(id);
    if (instance == NULL) {
        free(message->piece);
    } else if (kind == DATA) {
        *instance->end = message->piece;
        instance->end = &message->piece->next;
        write_on(instance);
    } else if (kind == TAKEN) {
        instance->untaken -= number;
        read_on(instance);
    } else if (kind == CLOSED) {
        instance->last_words = TRUE;
        write_on(instance);
    } else {
        give_up(PROTOCOL_BROKEN);
    }
}

int relay_pipes(int count, wchar_t **names)
{
    pipe_count = (DWORD)count;
    pipes = allocate(sizeof *pipes * pipe_count);
    for (DWORD index = 0; index < pipe_count; index++) {
        if (wcslen(names[index]) > LONGEST_NAME) return ERROR_INVALID_NAME;
        wcscpy(pipes[index].path, L"\\\\.\\pipe\\");
        wcscat(pipes[index].path, names[index]);
    }
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (port == NULL || CreateThread(NULL, 0, read_frames, NULL, 0, NULL) == NULL) return OUT_OF_RESOURCES;
    while (!finishing || instances != NULL) {
        DWORD bytes;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        BOOL succeeded = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);
        if (overlapped == NULL) return OUT_OF_RESOURCES;
        struct instance *instance = (struct instance *)key;
        if (instance == NULL) {
            heard((struct message *)(void *)overlapped);
            free(overlapped);
        } else if (overlapped == &instance->in) {
            completed_in(instance, succeeded, bytes);
        } else {
            completed_out(instance, succeeded, bytes);
        }
    }
    return 0;
}
