/** kernel32.dll: files, devices, mount points, and waiting for what can be waited for. Functions report by GetLastError. */

export const KERNEL32_FILES = {
  file: "kernel32.dll",
  since: 10240,
  feature: "everything on Windows",
  source: "https://learn.microsoft.com/windows/win32/api/",
  functions: {
    CreateFileW:
      "handle (text path, u32 access, u32 share, buffer? security, u32 disposition, u32 flags, handle template)",
    DeviceIoControl:
      "i32 (handle device, u32 code, buffer? input, u32 inputLength, buffer? output, u32 outputLength, outU32 returned, handle overlapped)",
    GetFinalPathNameByHandleW: "u32 (handle file, buffer path, u32 length, u32 flags)",
    GetFileInformationByHandleEx: "i32 (handle file, i32 class, buffer information, u32 length)",
    SetHandleInformation: "i32 (handle object, u32 mask, u32 flags)",
    SetVolumeMountPointW: "i32 (text directory, text volumePath)",
    DeleteVolumeMountPointW: "i32 (text directory)",
    CreateSymbolicLinkW: "i32 (text link, text target, u32 flags)",

    CreateEventW: "handle (buffer? security, i32 manualReset, i32 initialState, text? name)",
    RegisterWaitForSingleObject:
      "i32 (outHandle wait, handle object, handle callback, handle context, u32 timeoutMs, u32 flags)",
    UnregisterWaitEx: "i32 (handle wait, handle completionEvent)",
  },
} as const;
