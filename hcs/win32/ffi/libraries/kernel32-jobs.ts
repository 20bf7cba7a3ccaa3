/** kernel32.dll: job objects. `information` is the structure of its class. Functions report by GetLastError. */

export const KERNEL32_JOBS = {
  file: "kernel32.dll",
  since: 10240,
  feature: "HostProcess containers on the host",
  source: "https://learn.microsoft.com/windows/win32/procthread/job-objects",
  functions: {
    CreateJobObjectW: "handle (buffer? security, text? name)",
    OpenJobObjectW: "handle (u32 access, i32 inherit, text name)",
    SetInformationJobObject: "i32 (handle job, i32 class, buffer? information, u32 length)",
    QueryInformationJobObject:
      "i32 (handle job, i32 class, buffer information, u32 length, buffer? returned)",
    SetIoRateControlInformationJobObject: "u32 (handle job, buffer information)",
    TerminateJobObject: "i32 (handle job, u32 exitCode)",
  },
  facts: {
    SetIoRateControlInformationJobObject: {
      feature: "limits of disk traffic of HostProcess containers",
      unproven: "that the limits hold",
    },
  },
} as const;
