/** ole32.dll: memory that the network service hands over. */

export const OLE32 = {
  file: "ole32.dll",
  since: 10240,
  feature: "answers of the network service",
  source: "https://learn.microsoft.com/windows/win32/api/combaseapi/",
  functions: {
    CoTaskMemFree: "void (handle memory)",
  },
} as const;
