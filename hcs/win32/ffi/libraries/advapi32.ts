/** advapi32.dll: tokens, processes of other users, and who may open a file. */

export const ADVAPI32 = {
  file: "advapi32.dll",
  since: 10240,
  feature: "users of HostProcess containers on the host",
  source: "https://learn.microsoft.com/windows/win32/api/",
  functions: {
    OpenProcessToken: "i32 (handle process, u32 access, outHandle token)",
    GetTokenInformation: "i32 (handle token, i32 class, buffer? information, u32 length, outU32 returned)",
    ConvertSidToStringSidW: "i32 (handle sid, outHandle text)",
    LogonUserW: "i32 (text user, text domain, text? password, u32 logonType, u32 provider, outHandle token)",
    CreateProcessAsUserW:
      "i32 (handle token, text path, buffer commandLine, buffer? processSecurity, buffer? threadSecurity, i32 inherit, u32 flags, buffer environment, text directory, buffer startup, buffer information)",

    GetNamedSecurityInfoW:
      "u32 (text name, i32 type, u32 information, handle owner, handle group, outHandle acl, handle sacl, outHandle descriptor)",
    SetNamedSecurityInfoW:
      "u32 (text name, i32 type, u32 information, handle owner, handle group, handle acl, handle sacl)",
    SetEntriesInAclW: "u32 (u32 count, buffer entries, handle acl, outHandle newAcl)",
    ConvertStringSidToSidW: "i32 (text text, outHandle sid)",
  },
  facts: {
    GetTokenInformation: { feature: "memory that utility VMs have in use" },
    ConvertSidToStringSidW: { feature: "memory that utility VMs have in use" },
    LogonUserW: { unproven: "logging on without a password" },
    GetNamedSecurityInfoW: { feature: "files that utility VMs open" },
    SetNamedSecurityInfoW: { feature: "files that utility VMs open" },
    SetEntriesInAclW: { feature: "files that utility VMs open" },
    ConvertStringSidToSidW: { feature: "files that utility VMs open" },
  },
} as const;
