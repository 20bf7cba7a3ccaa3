/**
 * vmcompute.dll, the part that deals with layers. `info` is a DriverInfo without a home directory, so that a layer is named by its full
 * path; `parents` is WC_LAYER_DESCRIPTOR[].
 */

export const VMCOMPUTE_LAYERS = {
  file: "vmcompute.dll",
  since: 14393,
  feature: "layers of Windows containers",
  source: "https://pkg.go.dev/github.com/Microsoft/hcsshim/internal/wclayer",
  unproven: "that the filter shows the layers, and how long it takes",
  functions: {
    CreateSandboxLayer: "i32 (buffer info, text path, handle parent, buffer? parents, u64 count)",
    ActivateLayer: "i32 (buffer info, text path)",
    PrepareLayer: "i32 (buffer info, text path, buffer? parents, u64 count)",
    GetLayerMountPath: "i32 (buffer info, text path, buffer length, buffer? volume)",
    UnprepareLayer: "i32 (buffer info, text path)",
    DeactivateLayer: "i32 (buffer info, text path)",
    GrantVmAccess: "i32 (text vmId, text path)",
  },
  facts: { GrantVmAccess: { feature: "files that a utility VM opens" } },
} as const;
