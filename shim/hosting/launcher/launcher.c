/*
 * containerd-shim-runhcs-v1, as small as it can be: `start` and `delete` are handed to the node's keeper, which answers
 * within a millisecond or two. Everything else, and everything where no keeper answers, is left to the program in Node beside
 * it, with arguments, input and environment as they came.
 *
 * The protocol is described in keeper/protocol.ts, the address in keeper/address.ts. This file is for POSIX, and, where they
 * differ, for Windows.
 *
 * Layout: <installation>/native/containerd-shim-runhcs-v1 is this program, <installation>/bin/containerd-shim-runhcs-v1
 * the one in Node; on Windows that is <installation>\containerd-shim-runhcs-v1.exe.
 */
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "containerd-shim-runhcs-v1"
#define KEEPER_DONE '0'
#define KEEPER_FAILED '1'

/* ---- bytes that grow ------------------------------------------------------------------------------------------- */

struct bytes {
  char *data;
  size_t length, capacity;
};

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", NAME, what);
  exit(1);
}

static void reserve(struct bytes *bytes, size_t more) {
  if (bytes->capacity - bytes->length >= more) return;
  while (bytes->capacity - bytes->length < more) bytes->capacity = bytes->capacity ? bytes->capacity * 2 : 4096;
  bytes->data = realloc(bytes->data, bytes->capacity);
  if (bytes->data == NULL) die("out of memory");
}

static void append(struct bytes *bytes, const void *data, size_t length) {
  reserve(bytes, length);
  memcpy(bytes->data + bytes->length, data, length);
  bytes->length += length;
}

/* With its NUL. */
static void append_string(struct bytes *bytes, const char *text) { append(bytes, text, strlen(text) + 1); }

static void put_u32(char *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (char)(value >> (8 * i));
}

static uint32_t get_u32(const char *at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value |= (uint32_t)(unsigned char)at[i] << (8 * i);
  return value;
}

/* FNV-1a, 64 bits: keeper/address.ts has it too. */
static uint64_t digest(const char *text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  return hash;
}

/* ---- what the platforms differ in ------------------------------------------------------------------------------- */

#ifdef _WIN32

typedef HANDLE channel;
#define NO_CHANNEL INVALID_HANDLE_VALUE
#define SEPARATOR '\\'
/* A keeper that is being asked by others lets us wait for this long, in milliseconds. */
#define BUSY_MS 2000

/* Variables are UTF-16 there; what the C library has of them is not UTF-8. */
static char *utf8(const wchar_t *text) {
  int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
  char *result = malloc(size);
  if (result == NULL) die("out of memory");
  WideCharToMultiByte(CP_UTF8, 0, text, -1, result, size, NULL, NULL);
  return result;
}

static channel dial(uint64_t name) {
  wchar_t path[128];
  swprintf(path, 128, L"\\\\.\\pipe\\ProtectedPrefix\\Administrators\\runhcs-keeper-%016llx", (unsigned long long)name);
  for (;;) {
    /* Whoever serves it may learn who we are, and do nothing in our name. */
    HANDLE pipe = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                              SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    if (pipe != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY) return pipe;
    if (!WaitNamedPipeW(path, BUSY_MS)) return INVALID_HANDLE_VALUE;
  }
}

static long take(channel from, char *buffer, size_t size) {
  DWORD got = 0;
  if (ReadFile(from, buffer, (DWORD)size, &got, NULL)) return got;
  return GetLastError() == ERROR_BROKEN_PIPE ? 0 : -1;
}

static long give(channel to, const char *data, size_t length) {
  DWORD put = 0;
  return WriteFile(to, data, (DWORD)(length > 65536 ? 65536 : length), &put, NULL) ? (long)put : -1;
}

static channel standard(int number) {
  return GetStdHandle(number == 0 ? STD_INPUT_HANDLE : number == 1 ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
}

static void ignore_broken_pipes(int ignore) { (void)ignore; }

static const char *variable(const wchar_t *name) {
  const wchar_t *value = _wgetenv(name);
  return value == NULL ? "" : utf8(value);
}
#define VARIABLE(name) variable(L##name)

static int is_terminal(void) { return GetFileType(standard(0)) == FILE_TYPE_CHAR; }

static char *own_path(void) {
  static wchar_t path[32768];
  if (GetModuleFileNameW(NULL, path, 32768) == 0) die("cannot find itself");
  return utf8(path);
}

static char *working_directory(void) {
  static wchar_t path[32768];
  if (GetCurrentDirectoryW(32768, path) == 0) die("cannot find its working directory");
  return utf8(path);
}

static void append_environment(struct bytes *bytes) {
  wchar_t *block = GetEnvironmentStringsW();
  for (wchar_t *entry = block; *entry; entry += wcslen(entry) + 1) {
    /* The working directories of other drives are no variables. */
    if (*entry == L'=') continue;
    char *text = utf8(entry);
    append_string(bytes, text);
    free(text);
  }
  FreeEnvironmentStringsW(block);
}

/* Input that was read already goes to the program by a pipe of ours; a pipe takes it all before anybody reads. */
static void put_back(const struct bytes *input) {
  SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
  HANDLE read_end, write_end;
  if (!CreatePipe(&read_end, &write_end, &inherit, (DWORD)input->length + 1)) die("cannot pass its input on");
  SetHandleInformation(write_end, HANDLE_FLAG_INHERIT, 0);
  DWORD put = 0;
  if (input->length > 0 && !WriteFile(write_end, input->data, (DWORD)input->length, &put, NULL))
    die("cannot pass its input on");
  CloseHandle(write_end);
  SetStdHandle(STD_INPUT_HANDLE, read_end);
}

/* Windows has no exec: the program runs as a child with our handles, and its status becomes ours. */
static int run_node(const char *installation, char **arguments) {
  (void)arguments;
  static wchar_t directory[32768], program[32768], line[32768];
  MultiByteToWideChar(CP_UTF8, 0, installation, -1, directory, 32768);
  swprintf(program, 32768, L"%ls\\%hs.exe", directory, NAME);
  /* What follows our own name in the command line, untouched. */
  const wchar_t *rest = GetCommandLineW();
  if (*rest == L'"') {
    for (rest++; *rest && *rest != L'"'; rest++) {}
    if (*rest) rest++;
  } else
    while (*rest && *rest != L' ' && *rest != L'\t') rest++;
  if (swprintf(line, 32768, L"\"%ls\"%ls", program, rest) < 0) die("its command line is too long");
  STARTUPINFOW startup = {.cb = sizeof startup,
                          .dwFlags = STARTF_USESTDHANDLES,
                          .hStdInput = standard(0),
                          .hStdOutput = standard(1),
                          .hStdError = standard(2)};
  PROCESS_INFORMATION child;
  if (!CreateProcessW(program, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child)) {
    fprintf(stderr, "%s: cannot run %ls: error %lu\n", NAME, program, GetLastError());
    return 1;
  }
  WaitForSingleObject(child.hProcess, INFINITE);
  DWORD status = 1;
  GetExitCodeProcess(child.hProcess, &status);
  return (int)status;
}

#else

typedef int channel;
#define NO_CHANNEL (-1)
#define SEPARATOR '/'
extern char **environ;

static channel dial(uint64_t name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/run/runhcs-keeper/%016llx", (unsigned long long)name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return NO_CHANNEL;
  while (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    if (errno == EINTR) continue;
    close(fd);
    return NO_CHANNEL;
  }
  return fd;
}

static long take(channel from, char *buffer, size_t size) {
  ssize_t got;
  do got = read(from, buffer, size);
  while (got < 0 && errno == EINTR);
  return got;
}

static long give(channel to, const char *data, size_t length) {
  ssize_t put;
  do put = write(to, data, length);
  while (put < 0 && errno == EINTR);
  return put;
}

static channel standard(int number) { return number; }

static int is_terminal(void) { return isatty(0); }

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}
#define VARIABLE(name) variable(name)

static char *own_path(void) {
  char *path = realpath("/proc/self/exe", NULL);
  if (path == NULL) die("cannot find itself: /proc is not mounted");
  return path;
}

static char *working_directory(void) {
  char *path = getcwd(NULL, 0);
  if (path == NULL) die("cannot find its working directory");
  return path;
}

/* A keeper that dies is no reason to die; the program in Node gets the signal as it was. */
static void ignore_broken_pipes(int ignore) { signal(SIGPIPE, ignore ? SIG_IGN : SIG_DFL); }

static void append_environment(struct bytes *bytes) {
  for (char **entry = environ; *entry; entry++) append_string(bytes, *entry);
}

/* Input that was read already is read again, from memory. */
static void put_back(const struct bytes *input) {
  int fd = memfd_create("stdin", 0);
  if (fd < 0) die("cannot pass its input on");
  for (size_t at = 0; at < input->length;) {
    long put = give(fd, input->data + at, input->length - at);
    if (put <= 0) die("cannot pass its input on");
    at += (size_t)put;
  }
  if (lseek(fd, 0, SEEK_SET) != 0 || dup2(fd, 0) != 0) die("cannot pass its input on");
}

static int run_node(const char *installation, char **arguments) {
  char program[PATH_MAX];
  snprintf(program, sizeof program, "%s/bin/%s", installation, NAME);
  arguments[0] = program;
  execv(program, arguments);
  fprintf(stderr, "%s: cannot run %s: %s\n", NAME, program, strerror(errno));
  return 1;
}

#endif

/* ---- the conversation ------------------------------------------------------------------------------------------- */

static int give_all(channel to, const char *data, size_t length) {
  while (length > 0) {
    long put = give(to, data, length);
    if (put <= 0) return 0;
    data += put;
    length -= (size_t)put;
  }
  return 1;
}

static int take_all(channel from, struct bytes *bytes) {
  for (;;) {
    reserve(bytes, 4096);
    long got = take(from, bytes->data + bytes->length, bytes->capacity - bytes->length);
    if (got < 0) return 0;
    if (got == 0) return 1;
    bytes->length += (size_t)got;
  }
}

/* `<installation>/native/<name>` → `<installation>` */
static char *installation_of(char *path) {
  for (int up = 0; up < 2; up++) {
    char *last = strrchr(path, SEPARATOR);
    if (last == NULL) die("it is installed at the root of a file system");
    *last = '\0';
  }
  return path;
}

/* The action word: the last argument, as containerd passes it. */
static int is_for_keeper(int count, char **arguments) {
  const char *action = count > 1 ? arguments[count - 1] : "";
  return strcmp(action, "start") == 0 || strcmp(action, "delete") == 0;
}

static void encode(struct bytes *request, const char *installation, int count, char **arguments,
                   const struct bytes *input) {
  char head[8] = {0}, number[16];
  append(request, head, sizeof head);
  append_string(request, installation);
  append_string(request, working_directory());
  snprintf(number, sizeof number, "%d", count - 1);
  append_string(request, number);
  for (int i = 1; i < count; i++) append_string(request, arguments[i]);
  append_environment(request);
  put_u32(request->data, (uint32_t)(request->length - sizeof head));
  put_u32(request->data + 4, (uint32_t)input->length);
  append(request, input->data ? input->data : "", input->length);
}

/* The status to end with; -1 when the keeper has not done it. */
static int ask(channel keeper, const struct bytes *request) {
  struct bytes reply = {0};
  if (!give_all(keeper, request->data, request->length) || !take_all(keeper, &reply) || reply.length < 5) return -1;
  uint32_t length = get_u32(reply.data + 1);
  char verdict = reply.data[0];
  if (reply.length - 5 < length || (verdict != KEEPER_DONE && verdict != KEEPER_FAILED)) return -1;
  const char *text = reply.data + 5 + length;
  give_all(standard(2), text, reply.length - 5 - length);
  if (verdict == KEEPER_FAILED) give_all(standard(2), "\n", 1);
  give_all(standard(1), reply.data + 5, length);
  return verdict == KEEPER_DONE ? 0 : 1;
}

static int run(int count, char **arguments) {
  char *installation = installation_of(own_path());
  if (is_for_keeper(count, arguments)) {
    channel keeper = dial(digest(VARIABLE("RUNHCS_CONFIG")));
    if (keeper != NO_CHANNEL) {
      struct bytes input = {0}, request = {0};
      if (!is_terminal() && !take_all(standard(0), &input)) input.length = 0;
      encode(&request, installation, count, arguments, &input);
      ignore_broken_pipes(1);
      int status = ask(keeper, &request);
      ignore_broken_pipes(0);
      if (status >= 0) return status;
      put_back(&input);
    }
  }
  return run_node(installation, arguments);
}

#ifdef _WIN32
int wmain(int count, wchar_t **wide) {
  char **arguments = calloc((size_t)count + 1, sizeof *arguments);
  if (arguments == NULL) die("out of memory");
  for (int i = 0; i < count; i++) arguments[i] = utf8(wide[i]);
  return run(count, arguments);
}
#else
int main(int count, char **arguments) { return run(count, arguments); }
#endif
