/** virtdisk.dll: virtual disks. Results are Win32 errors, not HRESULTs. */

export const VIRTDISK = {
  file: "virtdisk.dll",
  since: 9200,
  feature: "virtual disks of utility VMs",
  source: "https://learn.microsoft.com/windows/win32/api/virtdisk/",
  unproven: "that the disk carries the identifier afterwards",
  functions: {
    OpenVirtualDisk:
      "u32 (buffer storageType, text path, u32 access, u32 flags, buffer parameters, outHandle disk)",
    SetVirtualDiskInformation: "u32 (handle disk, buffer information)",
  },
} as const;
