/** kernel32.dll: named pipes served by overlapped operations, and waits on threads of the system. */

export const PIPES = {
  file: "kernel32.dll",
  since: 10240,
  feature: "named pipes that are served",
  source: "https://learn.microsoft.com/windows/win32/api/namedpipeapi/",
  unproven:
    "that remote clients and a second server of a name are refused, and the prefix for administrators",
  functions: {
    CreateNamedPipeW:
      "handle (text name, u32 openMode, u32 pipeMode, u32 maxInstances, u32 outBufferSize, u32 inBufferSize, u32 defaultTimeout, handle securityAttributes)",
    ConnectNamedPipe: "i32 (handle pipe, buffer overlapped)",
    DisconnectNamedPipe: "i32 (handle pipe)",
    GetOverlappedResult: "i32 (handle file, buffer overlapped, outU32 transferred, i32 wait)",
    CancelIoEx: "i32 (handle file, buffer overlapped)",
    CreateEventW: "handle (handle attributes, i32 manualReset, i32 initialState, text? name)",
    SetEvent: "i32 (handle event)",
    RegisterWaitForSingleObject:
      "i32 (outHandle wait, handle object, handle callback, handle context, u32 milliseconds, u32 flags)",
    UnregisterWait: "i32 (handle wait)",
    GetLastError: "u32 ()",
    CloseHandle: "i32 (handle object)",
  },
} as const;
