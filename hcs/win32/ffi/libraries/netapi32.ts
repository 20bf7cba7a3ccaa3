/** netapi32.dll: local accounts and groups. Results are NET_API_STATUS: Win32 errors, or NERR_* from 2100 on. */

export const NETAPI32 = {
  file: "netapi32.dll",
  since: 10240,
  feature: "HostProcess containers as members of local groups",
  source: "https://learn.microsoft.com/windows/win32/api/lmaccess/",
  unproven: "that the accounts can log on",
  functions: {
    NetLocalGroupGetInfo: "u32 (text? server, text group, u32 level, outHandle buffer)",
    NetApiBufferFree: "u32 (handle buffer)",
    NetUserAdd: "u32 (text? server, u32 level, buffer user, outU32 wrongMember)",
    NetLocalGroupAddMembers: "u32 (text? server, text group, u32 level, buffer members, u32 count)",
    NetUserDel: "u32 (text? server, text user)",
  },
} as const;
