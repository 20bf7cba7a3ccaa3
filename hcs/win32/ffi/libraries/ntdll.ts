/** ntdll.dll: what the documented libraries have no function for. Results are NTSTATUS. */

export const NTDLL = {
  file: "ntdll.dll",
  since: 10240,
  feature: "jobs of containers by their names in the object manager",
  source: "https://learn.microsoft.com/windows/win32/api/winternl/",
  functions: {
    NtOpenJobObject: "i32 (outHandle job, u32 access, buffer attributes)",
    NtQueryInformationProcess:
      "i32 (handle process, i32 class, buffer information, u32 length, buffer? returned)",
    RtlNtStatusToDosError: "u32 (i32 status)",
  },
  facts: { NtQueryInformationProcess: { feature: "memory in the statistics of HostProcess containers" } },
} as const;
