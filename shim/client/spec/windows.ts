/** The OCI spec of a Windows container. */
import type { JsonObject } from "../../../oci/json.ts";
import type { HostMount } from "../options/options.ts";

export interface WindowsSpecInit {
  readonly hostname: string;
  readonly process: JsonObject;
  /** Parents, immediate parent first, then the scratch; empty where the engine hands over the layers. */
  readonly layerFolders: readonly string[];
  readonly hypervisor: boolean;
  /** Folder of the utility VM's files; found in the layers when absent. */
  readonly utilityVmPath?: string;
  readonly mounts?: readonly HostMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly resources?: JsonObject | undefined;
  /** Id of a network namespace. */
  readonly networkNamespace?: string;
}

export function windowsSpec(init: WindowsSpecInit): JsonObject {
  const { hostname, process, layerFolders, hypervisor, utilityVmPath, mounts = [] } = init;
  const { annotations = {}, resources, networkNamespace } = init;
  return {
    ociVersion: "1.0.2",
    process,
    root: { path: "" },
    hostname,
    mounts: mounts.map(({ source, target, readonly: isReadonly = false }) => ({
      destination: target,
      source,
      options: [isReadonly ? "ro" : "rw"],
    })),
    annotations: { ...annotations },
    windows: {
      layerFolders: [...layerFolders],
      ...(hypervisor ? { hyperv: utilityVmPath === undefined ? {} : { utilityVMPath: utilityVmPath } } : {}),
      ...(resources === undefined ? {} : { resources }),
      ...(networkNamespace === undefined ? {} : { network: { networkNamespace } }),
    },
  };
}
