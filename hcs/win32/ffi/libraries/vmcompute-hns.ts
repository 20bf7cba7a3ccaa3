/** vmcompute.dll, the part that is the Host Network Service before HCN. */

export const VMCOMPUTE_HNS = {
  file: "vmcompute.dll",
  since: 14393,
  feature: "the Host Network Service",
  source: "https://pkg.go.dev/github.com/Microsoft/hcsshim/internal/hns",
  unproven: "what the service answers",
  functions: {
    HNSCall: "i32 (text method, text path, text body, outText response)",
  },
} as const;
