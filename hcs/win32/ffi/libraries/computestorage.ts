/** computestorage.dll: union file systems over volumes. */

export const COMPUTESTORAGE = {
  file: "computestorage.dll",
  since: 17763,
  feature: "containers whose layers are in CIMs",
  source: "https://learn.microsoft.com/virtualization/api/hcs/reference/apioverview",
  unproven: "that the filter shows the layers",
  functions: {
    HcsAttachOverlayFilter: "i32 (text volumePath, text layerData)",
    HcsDetachOverlayFilter: "i32 (text volumePath, text layerData)",
  },
  facts: { HcsAttachOverlayFilter: { since: 20348 }, HcsDetachOverlayFilter: { since: 20348 } },
} as const;
