/** userenv.dll: what a user's processes find in their environment. */

export const USERENV = {
  file: "userenv.dll",
  since: 10240,
  feature: "users of HostProcess containers on the host",
  source: "https://learn.microsoft.com/windows/win32/api/userenv/",
  functions: {
    CreateEnvironmentBlock: "i32 (outHandle environment, handle token, i32 inherit)",
    DestroyEnvironmentBlock: "i32 (handle environment)",
  },
} as const;
