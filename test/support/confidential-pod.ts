/** What a confidential Windows pod needs of a scripted host: boot files, a policy, and layers as block CIMs. */
import type { RootfsMount } from "../../hcs/api.ts";
import type { HostEntry } from "../../hcs/scripted/platform.ts";

const BOOT = "C:\\shim\\WindowsBootFiles\\confidential";

export const CONFIDENTIAL_FILES: readonly HostEntry[] = [
  { path: `${BOOT}\\boot.vhd`, size: 1 },
  { path: `${BOOT}\\rootfs.vhd`, size: 1 },
  { path: `${BOOT}\\cwcow.snp.vmgs`, size: 1 },
  { path: `${BOOT}\\reference_info.cose`, content: "ref" },
];

export const CONFIDENTIAL_POLICY: Readonly<Record<string, string>> = {
  "io.microsoft.virtualmachine.wcow.securitypolicy": Buffer.from("allow").toString("base64"),
};

/** The root file system of container `id`. */
export function blockCims(id: string): RootfsMount {
  return {
    type: "BlockCIM",
    source: `C:\\snap\\${id}`,
    target: "",
    options: [
      'parentCimPaths=["C:\\\\b\\\\top\\\\l.bcim\\\\top.cim","C:\\\\b\\\\base\\\\l.bcim\\\\base.cim"]',
      "blockCIMType=file",
      "mergedCIMPath=C:\\b\\merged.bcim\\merged.cim",
    ],
  };
}
