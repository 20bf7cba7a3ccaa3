/** bindfltapi.dll: files that the processes of one silo see in places of their own. */

export const BINDFLTAPI = {
  file: "bindfltapi.dll",
  since: 17763,
  feature: "HostProcess containers with files of their own at C:\\hpc",
  source: "https://pkg.go.dev/github.com/Microsoft/hcsshim/internal/winapi",
  unproven: "that the filter shows the files",
  functions: {
    BfSetupFilter:
      "i32 (handle job, u32 flags, text root, text target, buffer? exceptions, u32 exceptionCount)",
  },
} as const;
