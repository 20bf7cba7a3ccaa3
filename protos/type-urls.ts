/**
 * Type URLs of values that are not protobuf messages but JSON. They have several slashes, and the whole URL
 * is the name: what follows the last slash means nothing by itself.
 */

const RUNTIME_SPEC = "types.containerd.io/opencontainers/runtime-spec/1";
const SHIM_RESOURCES = "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi";

/** The whole OCI runtime specification of a container. */
export const SPEC_URL = `${RUNTIME_SPEC}/Spec` as const;
/** The `process` object of that specification: what Exec gets. */
export const PROCESS_URL = `${RUNTIME_SPEC}/Process` as const;
/** `linux.resources` of that specification: what Update gets for Linux containers. */
export const LINUX_RESOURCES_URL = `${RUNTIME_SPEC}/LinuxResources` as const;
/** `windows.resources` of that specification: what Update gets for Windows containers. */
export const WINDOWS_RESOURCES_URL = `${RUNTIME_SPEC}/WindowsResources` as const;
/** Features of an OCI runtime: what `-info` may answer. */
export const FEATURES_URL = `${RUNTIME_SPEC}/features/Features` as const;
/** `{fragment, mediaType}`: a security policy fragment, given to Update. */
export const POLICY_FRAGMENT_URL = `${SHIM_RESOURCES}/PolicyFragment` as const;
/** `{HostPath, ContainerPath, ReadOnly, Type}`: a mount to add to a running container, given to Update. */
export const CONTAINER_MOUNT_URL = `${SHIM_RESOURCES}/ContainerMount` as const;
