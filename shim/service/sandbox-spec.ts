/**
 * A spec for a sandbox that brings none: containerd's Sandbox API names a pod, and leaves it to the shim what holds the
 * pod's namespaces. It is a process that does nothing, in a container of its own.
 */
import { readSpec, type Spec } from "../../oci/spec.ts";
import { CONTAINER_TYPE, SANDBOX_ID } from "../../oci/identity.ts";
import type { PauseProgram } from "../../hcs/api.ts";
import type { PodSandboxConfig } from "../../protos/gen/cri.ts";

export interface SandboxInputs {
  readonly id: string;
  /** An empty directory: its root file system. */
  readonly rootDirectory: string;
  /** Empty: the pod has no network of its own. */
  readonly networkNamespace: string;
  readonly config: PodSandboxConfig;
  readonly pause: PauseProgram;
}

export function sandboxSpec({ id, rootDirectory, networkNamespace, config, pause }: SandboxInputs): Spec {
  const network = networkNamespace === "" ? { type: "network" } : { type: "network", path: networkNamespace };
  return readSpec({
    ociVersion: "1.0.2",
    hostname: config.hostname,
    annotations: { ...config.annotations, [CONTAINER_TYPE]: "sandbox", [SANDBOX_ID]: id },
    root: { path: rootDirectory, readonly: true },
    process: {
      terminal: false,
      cwd: "/",
      user: { uid: 0, gid: 0 },
      args: pause.args,
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      noNewPrivileges: true,
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      ...pause.directories.map((directory) => ({
        destination: directory,
        type: "bind",
        source: directory,
        options: ["rbind", "ro"],
      })),
    ],
    linux: {
      namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }, network],
      sysctl: config.linux?.sysctls ?? {},
      resources: {},
    },
  });
}
