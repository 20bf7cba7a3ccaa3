/*
 * The emulated guest's hand inside a Windows container. Windows containers have a service of this name that starts
 * what the host asks for; this one is started by the guest agent (hcs/emulator/guest/windows) once for each request,
 * by Wine, and does what can only be done from the Windows side:
 *
 *   CExecSvc.exe run DIRECTORY        starts a process and stays until it has ended: Linux has 8 bits for an exit
 *                                     code, Windows 32, and only Windows knows why a program did not start
 *   CExecSvc.exe signal PID EVENT     delivers a console event as the Host Compute Service does: a thread in the
 *                                     process, on the console control routine
 *   CExecSvc.exe terminate PID CODE   TerminateProcess
 *   CExecSvc.exe resize PID ROWS COLUMNS
 *                                     the size of the window of the process's console
 *   CExecSvc.exe pipes NAME...        serves pipes that are mapped into the container (pipe-relay.c)
 *
 * DIRECTORY holds the file `request`, UTF-16, each text followed by a NUL: the command line, the working directory,
 * then `NAME=value` (an empty value removes the variable); and the FIFO `report`, which gets one line for each of
 * `started <pid>`, `exited <code>`, `failed <error>`. Numbers are decimal.
 *
 * Built by scripts/build.ts with mingw-w64.
 */
#include "pipe-relay.h"
#include <stdio.h>

/* Exit codes of this program itself, where it is not that of the process it ran. */
enum { USAGE = 2, UNREPORTED = 3 };

static HANDLE report_pipe = INVALID_HANDLE_VALUE;

static void report(const char *word, DWORD number)
{
    char line[64];
    DWORD length = (DWORD)snprintf(line, sizeof line, "%s %lu\n", word, (unsigned long)number);
    WriteFile(report_pipe, line, length, &length, NULL);
}

static HANDLE open_in(const wchar_t *directory, const wchar_t *name, DWORD access)
{
    wchar_t path[MAX_PATH];
    if (swprintf(path, MAX_PATH, L"%ls\\%ls", directory, name) < 0) return INVALID_HANDLE_VALUE;
    return CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
}

/* The whole request, with two NULs behind it. NULL with the last error set when it cannot be read. */
static wchar_t *read_request(const wchar_t *directory)
{
    HANDLE file = open_in(directory, L"request", GENERIC_READ);
    if (file == INVALID_HANDLE_VALUE) return NULL;
    DWORD size = GetFileSize(file, NULL), length = 0;
    wchar_t *text = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size + 2 * sizeof(wchar_t));
    if (text != NULL && !ReadFile(file, text, size, &length, NULL)) text = NULL;
    CloseHandle(file);
    return text;
}

/* Events of the console are for the process, this one stays to see its end. A handler, unlike the flag that ignores
 * CTRL-C, is not inherited. */
static BOOL WINAPI outlive(DWORD event)
{
    (void)event;
    return TRUE;
}

static int run(const wchar_t *directory)
{
    report_pipe = open_in(directory, L"report", GENERIC_WRITE);
    if (report_pipe == INVALID_HANDLE_VALUE) return UNREPORTED;
    wchar_t *command = read_request(directory);
    if (command == NULL) {
        report("failed", GetLastError());
        return UNREPORTED;
    }
    wchar_t *where = command + wcslen(command) + 1;
    wchar_t *next;
    for (wchar_t *entry = where + wcslen(where) + 1; *entry != 0; entry = next) {
        next = entry + wcslen(entry) + 1;
        /* Names of hidden variables begin with the sign. */
        wchar_t *value = wcschr(entry + 1, L'=');
        if (value == NULL) continue;
        *value++ = 0;
        SetEnvironmentVariableW(entry, *value == 0 ? NULL : value);
    }
    SetConsoleCtrlHandler(outlive, TRUE);
    STARTUPINFOW startup = { .cb = sizeof startup };
    PROCESS_INFORMATION process;
    if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, where, &startup, &process)) {
        DWORD error = GetLastError();
        report("failed", error);
        return (int)error;
    }
    report("started", process.dwProcessId);
    DWORD code = 0;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    report("exited", code);
    return (int)code;
}

static DWORD signal_process(DWORD pid, DWORD event)
{
    HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pid);
    if (process == NULL) return GetLastError();
    FARPROC routine = GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "CtrlRoutine");
    if (routine == NULL) return GetLastError();
    HANDLE thread = CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)routine,
                                       (void *)(ULONG_PTR)event, 0, NULL);
    return thread == NULL ? GetLastError() : ERROR_SUCCESS;
}

static DWORD terminate_process(DWORD pid, DWORD code)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, pid);
    return process != NULL && TerminateProcess(process, code) ? ERROR_SUCCESS : GetLastError();
}

static SHORT least(SHORT a, SHORT b) { return a < b ? a : b; }

/* A window must fit its buffer at every moment: what is to be smaller becomes so first. */
static DWORD resize_console(DWORD pid, SHORT rows, SHORT columns)
{
    FreeConsole();
    if (!AttachConsole(pid)) return GetLastError();
    HANDLE screen = CreateFileW(L"CONOUT$", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                OPEN_EXISTING, 0, NULL);
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (screen == INVALID_HANDLE_VALUE || !GetConsoleScreenBufferInfo(screen, &info)) return GetLastError();
    SMALL_RECT common = { 0, 0, (SHORT)(least(columns, info.dwSize.X) - 1), (SHORT)(least(rows, info.dwSize.Y) - 1) };
    SMALL_RECT wanted = { 0, 0, (SHORT)(columns - 1), (SHORT)(rows - 1) };
    if (!SetConsoleWindowInfo(screen, TRUE, &common) || !SetConsoleScreenBufferSize(screen, (COORD){ columns, rows }) ||
        !SetConsoleWindowInfo(screen, TRUE, &wanted))
        return GetLastError();
    return ERROR_SUCCESS;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc == 3 && wcscmp(argv[1], L"run") == 0) return run(argv[2]);
    if (argc >= 3 && wcscmp(argv[1], L"pipes") == 0) return relay_pipes(argc - 2, argv + 2);
    if (argc < 4) return USAGE;
    DWORD pid = wcstoul(argv[2], NULL, 10), number = wcstoul(argv[3], NULL, 10);
    if (argc == 5 && wcscmp(argv[1], L"resize") == 0)
        return (int)resize_console(pid, (SHORT)number, (SHORT)wcstoul(argv[4], NULL, 10));
    if (argc != 4) return USAGE;
    if (wcscmp(argv[1], L"signal") == 0) return (int)signal_process(pid, number);
    if (wcscmp(argv[1], L"terminate") == 0) return (int)terminate_process(pid, number);
    return USAGE;
}
