#include "process-stdio.h"

#include <stdlib.h>
#include <wchar.h>

#define BUFFER_SIZE 65536

typedef struct Relay {
    SOCKET socket;
    HANDLE pipe;
} Relay;

static void end_relay(Relay *relay)
{
    CloseHandle(relay->pipe);
    closesocket(relay->socket);
    free(relay);
}

static DWORD WINAPI relay_input(void *parameter)
{
    Relay *relay = parameter;
    char *buffer = malloc(BUFFER_SIZE);
    DWORD count;
    while (buffer != NULL && ReadFile(relay->pipe, buffer, BUFFER_SIZE, &count, NULL) && count > 0) {
        DWORD sent = 0;
        while (sent < count) {
            int more = send(relay->socket, buffer + sent, count - sent, 0);
            if (more <= 0) break;
            sent += more;
        }
        if (sent < count) break;
    }
    shutdown(relay->socket, SD_SEND);
    /* The host closes its side when it has read all. */
    while (buffer != NULL && recv(relay->socket, buffer, BUFFER_SIZE, 0) > 0) continue;
    free(buffer);
    end_relay(relay);
    return 0;
}

static DWORD WINAPI relay_output(void *parameter)
{
    Relay *relay = parameter;
    char *buffer = malloc(BUFFER_SIZE);
    int count;
    DWORD written;
    while (buffer != NULL && (count = recv(relay->socket, buffer, BUFFER_SIZE, 0)) > 0)
        if (!WriteFile(relay->pipe, buffer, count, &written, NULL)) break;
    free(buffer);
    end_relay(relay);
    return 0;
}

/* The caller's end of a new pipe; NULL when the process has no such stream. */
static HANDLE make_pipe(const RigMessage *answer, const char *stream, BOOL input)
{
    static LONG count;
    WCHAR name[96];
    Relay *relay;
    HANDLE ours, theirs;
    if (!RigHas(answer, stream)) return NULL;
    /* Each DLL counts for itself: the address tells them apart. */
    swprintf(name, 96, L"\\\\.\\pipe\\runhcs-rig-%lu-%p-%ld", GetCurrentProcessId(), (void *)&count,
             InterlockedIncrement(&count));
    ours = CreateNamedPipeW(name, (input ? PIPE_ACCESS_INBOUND : PIPE_ACCESS_OUTBOUND) | FILE_FLAG_FIRST_PIPE_INSTANCE,
                            PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, BUFFER_SIZE, BUFFER_SIZE, 0, NULL);
    theirs = CreateFileW(name, input ? GENERIC_WRITE : GENERIC_READ, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
    relay = calloc(1, sizeof *relay);
    if (ours == INVALID_HANDLE_VALUE || theirs == INVALID_HANDLE_VALUE || relay == NULL) abort();
    relay->pipe = ours;
    relay->socket = RigConnectStream(RigGetNumber(answer, stream));
    CloseHandle(CreateThread(NULL, 0, input ? relay_input : relay_output, relay, 0, NULL));
    return theirs;
}

void RigMakeStdio(const RigMessage *answer, HCS_PROCESS_INFORMATION *information)
{
    memset(information, 0, sizeof *information);
    information->ProcessId = (DWORD)RigGetNumber(answer, "processId");
    information->StdInput = make_pipe(answer, "stdin", TRUE);
    information->StdOutput = make_pipe(answer, "stdout", FALSE);
    information->StdError = make_pipe(answer, "stderr", FALSE);
}
