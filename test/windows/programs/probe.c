/*
 * What tests have Windows containers run to see what is around them:
 *
 *   probe.exe console               prints `<columns>x<rows>` of its console, and again whenever that changes, until input
 *   probe.exe events                prints `ready`, then the number of the first console event, with which it ends
 *   probe.exe deaf                  stays, whatever console event it is told
 *   probe.exe eat MEBIBYTES         takes that much memory and prints `full`, or what was refused
 *   probe.exe burn MILLISECONDS     keeps one processor busy that long, and prints how many milliseconds of it it was given
 *   probe.exe listen PORT           prints `listening`, then the first line that comes on a connection
 *   probe.exe send HOST PORT TEXT   sends a line there
 *   probe.exe pipe NAME TEXT        sends a line over the named pipe and prints the one that comes back
 *   probe.exe tell NAME TEXT        sends a line over the named pipe and ends at once
 *   probe.exe drain NAME            prints how many bytes came over the named pipe, and the error that ended it
 *   probe.exe echo NAME COUNT BYTES sends so much over each of so many connections at the same time, and prints `same` when
 *                                   each has had it back
 *   probe.exe exit CODE             ends with these 32 bits
 *
 * Ends with 1 when something failed, and says what. Built by test/support/windows-probe.ts with mingw-w64.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, POLL_MS = 20, MEBIBYTE = 1024 * 1024 };

/* At once, and in one piece: terminals draw every piece for itself. */
static void say(const char *format, ...)
{
    char text[LINE_BYTES];
    va_list values;
    va_start(values, format);
    DWORD length = (DWORD)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, length, &length, NULL);
}

static int failed(const char *what, unsigned long error)
{
    say("%s failed: error %lu\n", what, error);
    return 1;
}

static int console(void)
{
    HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE), input = GetStdHandle(STD_INPUT_HANDLE);
    int columns = 0, rows = 0;
    for (;;) {
        CONSOLE_SCREEN_BUFFER_INFO info;
        if (!GetConsoleScreenBufferInfo(output, &info)) return failed("GetConsoleScreenBufferInfo", GetLastError());
        int now_columns = info.srWindow.Right - info.srWindow.Left + 1, now_rows = info.srWindow.Bottom - info.srWindow.Top + 1;
        if (now_columns != columns || now_rows != rows) say("%dx%d\n", now_columns, now_rows);
        columns = now_columns, rows = now_rows;
        if (WaitForSingleObject(input, POLL_MS) != WAIT_OBJECT_0) continue;
        INPUT_RECORD record;
        DWORD count;
        if (!ReadConsoleInputW(input, &record, 1, &count)) return failed("ReadConsoleInput", GetLastError());
        if (record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown) return 0;
    }
}

static HANDLE happened;
static volatile DWORD event_number;

static BOOL WINAPI on_event(DWORD event)
{
    event_number = event;
    if (happened != NULL) SetEvent(happened);
    /* Windows ends a process whose handler returns from some of the events: main has the word. */
    Sleep(INFINITE);
    return TRUE;
}

static int events(void)
{
    happened = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!SetConsoleCtrlHandler(on_event, TRUE)) return failed("SetConsoleCtrlHandler", GetLastError());
    say("ready\n");
    WaitForSingleObject(happened, INFINITE);
    say("event %lu\n", (unsigned long)event_number);
    return (int)(100 + event_number);
}

static int deaf(void)
{
    if (!SetConsoleCtrlHandler(on_event, TRUE)) return failed("SetConsoleCtrlHandler", GetLastError());
    say("ready\n");
    Sleep(INFINITE);
    return 0;
}

static int eat(unsigned long mebibytes)
{
    for (unsigned long i = 0; i < mebibytes; i++) {
        char *piece = VirtualAlloc(NULL, MEBIBYTE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
        if (piece == NULL) return failed("VirtualAlloc", GetLastError());
        memset(piece, 1, MEBIBYTE);
    }
    say("full\n");
    return 0;
}

/* Kernel and user time of this process, in milliseconds. */
static unsigned long long used_ms(void)
{
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    ULARGE_INTEGER k = { { kernel.dwLowDateTime, kernel.dwHighDateTime } };
    ULARGE_INTEGER u = { { user.dwLowDateTime, user.dwHighDateTime } };
    return (k.QuadPart + u.QuadPart) / 10000;
}

static int burn(unsigned long milliseconds)
{
    ULONGLONG until = GetTickCount64() + milliseconds;
    unsigned long long before = used_ms();
    while (GetTickCount64() < until) continue;
    say("used %llu\n", used_ms() - before);
    return 0;
}

static int print_line(SOCKET connection)
{
    char line[LINE_BYTES];
    int length = recv(connection, line, sizeof line - 1, 0);
    if (length < 0) return failed("recv", (unsigned long)WSAGetLastError());
    say("%.*s", length, line);
    return 0;
}

static int listen_on(unsigned short port)
{
    SOCKET listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
    if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 1) != 0)
        return failed("listen", (unsigned long)WSAGetLastError());
    say("listening\n");
    SOCKET connection = accept(listener, NULL, NULL);
    if (connection == INVALID_SOCKET) return failed("accept", (unsigned long)WSAGetLastError());
    return print_line(connection);
}

static int send_to(const char *host, unsigned short port, const char *text)
{
    SOCKET connection = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(host) };
    if (connect(connection, (struct sockaddr *)&there, sizeof there) != 0)
        return failed("connect", (unsigned long)WSAGetLastError());
    char line[LINE_BYTES];
    int length = snprintf(line, sizeof line, "%s\n", text);
    if (send(connection, line, length, 0) != length) return failed("send", (unsigned long)WSAGetLastError());
    closesocket(connection);
    say("sent\n");
    return 0;
}

/* Waits where every instance of the pipe is taken, as clients do. */
static HANDLE open_pipe(const char *name)
{
    char path[MAX_PATH];
    snprintf(path, sizeof path, "\\\\.\\pipe\\%s", name);
    for (;;) {
        HANDLE pipe = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
        if (pipe != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY) return pipe;
        WaitNamedPipeA(path, NMPWAIT_USE_DEFAULT_WAIT);
    }
}

/* Reads or writes; both may be under way on one pipe at a time. Windows' error; 0: it was done. */
static DWORD transfer(HANDLE pipe, BOOL is_write, void *bytes, DWORD length, DWORD *done)
{
    OVERLAPPED operation = { .hEvent = CreateEventW(NULL, TRUE, FALSE, NULL) };
    BOOL succeeded = is_write ? WriteFile(pipe, bytes, length, NULL, &operation) : ReadFile(pipe, bytes, length, NULL, &operation);
    DWORD error = succeeded ? ERROR_SUCCESS : GetLastError();
    if (error == ERROR_SUCCESS || error == ERROR_IO_PENDING)
        error = GetOverlappedResult(pipe, &operation, done, TRUE) ? ERROR_SUCCESS : GetLastError();
    CloseHandle(operation.hEvent);
    return error;
}

static DWORD write_line(HANDLE pipe, const char *text)
{
    char line[LINE_BYTES];
    DWORD length = (DWORD)snprintf(line, sizeof line, "%s\n", text);
    return transfer(pipe, TRUE, line, length, &length);
}

static int over_pipe(const char *name, const char *text)
{
    HANDLE pipe = open_pipe(name);
    if (pipe == INVALID_HANDLE_VALUE) return failed("CreateFile", GetLastError());
    char line[LINE_BYTES];
    DWORD length, error = write_line(pipe, text);
    if (error != ERROR_SUCCESS) return failed("WriteFile", error);
    error = transfer(pipe, FALSE, line, sizeof line, &length);
    if (error != ERROR_SUCCESS) return failed("ReadFile", error);
    say("%.*s", (int)length, line);
    return 0;
}

static int tell(const char *name, const char *text)
{
    HANDLE pipe = open_pipe(name);
    if (pipe == INVALID_HANDLE_VALUE) return failed("CreateFile", GetLastError());
    DWORD error = write_line(pipe, text);
    return error == ERROR_SUCCESS ? 0 : failed("WriteFile", error);
}

static int drain(const char *name)
{
    HANDLE pipe = open_pipe(name);
    if (pipe == INVALID_HANDLE_VALUE) return failed("CreateFile", GetLastError());
    static char bytes[MEBIBYTE];
    unsigned long total = 0;
    for (;;) {
        DWORD length = 0, error = transfer(pipe, FALSE, bytes, sizeof bytes, &length);
        if (error != ERROR_SUCCESS) {
            say("%lu bytes, error %lu\n", total, (unsigned long)error);
            return 0;
        }
        total += length;
    }
}

struct echo {
    HANDLE pipe;
    char *bytes;
    DWORD length, error;
};

static DWORD WINAPI send_all(void *argument)
{
    struct echo *echo = argument;
    for (DWORD sent = 0, length; sent < echo->length; sent += length)
        if ((echo->error = transfer(echo->pipe, TRUE, echo->bytes + sent, echo->length - sent, &length)) != 0) break;
    return 0;
}

static DWORD WINAPI receive_all(void *argument)
{
    struct echo *echo = argument;
    static const DWORD MOST = 64 * 1024;
    char *piece = malloc(MOST);
    for (DWORD got = 0, length; got < echo->length; got += length) {
        if ((echo->error = transfer(echo->pipe, FALSE, piece, MOST, &length)) != 0) break;
        if (got + length > echo->length || memcmp(piece, echo->bytes + got, length) != 0) {
            echo->error = ERROR_INVALID_DATA;
            break;
        }
    }
    free(piece);
    return 0;
}

static int echo_all(const char *name, unsigned count, DWORD length)
{
    enum { MOST = 30 };
    struct echo echoes[MOST];
    HANDLE threads[2 * MOST];
    if (count > MOST) return failed("echo", ERROR_INVALID_PARAMETER);
    for (unsigned i = 0; i < count; i++) {
        echoes[i] = (struct echo){ .pipe = open_pipe(name), .bytes = malloc(length), .length = length };
        if (echoes[i].pipe == INVALID_HANDLE_VALUE) return failed("CreateFile", GetLastError());
        for (DWORD at = 0; at < length; at++) echoes[i].bytes[at] = (char)(at * 31 + at / 251 + i);
    }
    for (unsigned i = 0; i < count; i++) {
        threads[2 * i] = CreateThread(NULL, 0, send_all, &echoes[i], 0, NULL);
        threads[2 * i + 1] = CreateThread(NULL, 0, receive_all, &echoes[i], 0, NULL);
    }
    WaitForMultipleObjects(2 * count, threads, TRUE, INFINITE);
    for (unsigned i = 0; i < count; i++)
        if (echoes[i].error != ERROR_SUCCESS) return failed("echo", echoes[i].error);
    say("same\n");
    return 0;
}

int main(int argc, char **argv)
{
    WSADATA sockets;
    WSAStartup(MAKEWORD(2, 2), &sockets);
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "console") == 0) return console();
    if (strcmp(verb, "events") == 0) return events();
    if (strcmp(verb, "deaf") == 0) return deaf();
    if (strcmp(verb, "eat") == 0 && argc == 3) return eat(strtoul(argv[2], NULL, 10));
    if (strcmp(verb, "burn") == 0 && argc == 3) return burn(strtoul(argv[2], NULL, 10));
    if (strcmp(verb, "listen") == 0 && argc == 3) return listen_on((unsigned short)atoi(argv[2]));
    if (strcmp(verb, "send") == 0 && argc == 5) return send_to(argv[2], (unsigned short)atoi(argv[3]), argv[4]);
    if (strcmp(verb, "pipe") == 0 && argc == 4) return over_pipe(argv[2], argv[3]);
    if (strcmp(verb, "tell") == 0 && argc == 4) return tell(argv[2], argv[3]);
    if (strcmp(verb, "drain") == 0 && argc == 3) return drain(argv[2]);
    if (strcmp(verb, "echo") == 0 && argc == 5)
        return echo_all(argv[2], (unsigned)atoi(argv[3]), strtoul(argv[4], NULL, 10));
    if (strcmp(verb, "exit") == 0 && argc == 3) ExitProcess(strtoul(argv[2], NULL, 0));
    say("usage: see the source of probe.exe\n");
    return 2;
}
