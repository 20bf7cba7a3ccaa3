/** kernel32.dll: processes, their consoles, and completion ports. Functions report by GetLastError. */

export const KERNEL32_PROCESSES = {
  file: "kernel32.dll",
  since: 10240,
  feature: "HostProcess containers on the host",
  source: "https://learn.microsoft.com/windows/win32/api/",
  functions: {
    CreateIoCompletionPort: "handle (handle file, handle port, handle key, u32 threads)",
    GetQueuedCompletionStatus:
      "i32 (handle port, outU32 bytes, outHandle key, outHandle overlapped, u32 timeoutMs)",
    PostQueuedCompletionStatus: "i32 (handle port, u32 bytes, handle key, handle overlapped)",

    OpenProcess: "handle (u32 access, i32 inherit, u32 processId)",
    GetExitCodeProcess: "i32 (handle process, outU32 exitCode)",
    GetProcessTimes: "i32 (handle process, outU64 created, outU64 exited, outU64 kernel, outU64 user)",
    QueryFullProcessImageNameW: "i32 (handle process, u32 flags, buffer name, buffer length)",
    CreateToolhelp32Snapshot: "handle (u32 what, u32 processId)",
    Process32FirstW: "i32 (handle snapshot, buffer entry)",
    Process32NextW: "i32 (handle snapshot, buffer entry)",
    GetModuleHandleW: "handle (text name)",
    GetProcAddress: "handle (handle module, buffer name)",
    CreateRemoteThread:
      "handle (handle process, buffer? security, u64 stack, handle start, handle parameter, u32 flags, buffer? id)",
    InitializeProcThreadAttributeList: "i32 (buffer? list, u32 count, u32 flags, buffer size)",
    UpdateProcThreadAttribute:
      "i32 (buffer list, u32 flags, u64 attribute, handle value, u64 size, handle previous, handle returned)",
    DeleteProcThreadAttributeList: "void (buffer list)",

    CreatePseudoConsole: "i32 (u32 size, handle input, handle output, u32 flags, outHandle console)",
    ResizePseudoConsole: "i32 (handle console, u32 size)",
    ClosePseudoConsole: "void (handle console)",
  },
  facts: {
    CreateToolhelp32Snapshot: {
      feature: "memory that utility VMs have in use",
      unproven: "that a VM has a process vmmem, of the VM's account",
    },
    Process32FirstW: { feature: "memory that utility VMs have in use" },
    Process32NextW: { feature: "memory that utility VMs have in use" },
    CreatePseudoConsole: { since: 17763, feature: "terminals of HostProcess containers" },
    ResizePseudoConsole: { since: 17763, feature: "terminals of HostProcess containers" },
    ClosePseudoConsole: { since: 17763, feature: "terminals of HostProcess containers" },
  },
} as const;
