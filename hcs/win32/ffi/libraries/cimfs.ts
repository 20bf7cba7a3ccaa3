/** cimfs.dll: composite images as volumes. `volume` is a GUID, `images` CIMFS_IMAGE_PATH[]. */

export const CIMFS = {
  file: "cimfs.dll",
  since: 19041,
  feature: "containers whose layers are in CIMs",
  source: "https://learn.microsoft.com/windows/win32/api/cimfs/",
  unproven: "that the images are mounted",
  functions: {
    CimMountImage: "i32 (text directory, text name, u32 flags, buffer volume)",
    CimMergeMountImage: "i32 (u32 count, buffer images, u32 flags, buffer volume)",
    CimDismountImage: "i32 (buffer volume)",
  },
  facts: {
    CimMergeMountImage: { since: 27766, feature: "containers whose layers are in several block CIMs" },
  },
} as const;
