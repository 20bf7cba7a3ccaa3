/** kernel32.dll: memory, handles, and the end of processes. */

export const KERNEL32 = {
  file: "kernel32.dll",
  since: 10240,
  feature: "everything on Windows",
  source: "https://learn.microsoft.com/windows/win32/api/",
  functions: {
    CloseHandle: "i32 (handle object)",
    GetActiveProcessorCount: "u32 (u16 group)",
    GetCurrentProcess: "handle ()",
    GetLastError: "u32 ()",
    GetTimeZoneInformation: "u32 (buffer information)",
    LocalFree: "handle (handle memory)",
    TerminateProcess: "i32 (handle process, u32 exitCode)",
  },
} as const;
