/**
 * Type URLs of values that are not protobuf messages but JSON. They have several slashes, and the whole URL
 * is the name: what follows the last slash means nothing by itself.
 */

/** The whole OCI runtime specification of a container. */
export const SPEC_URL = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
/** The `process` object of that specification: what Exec gets. */
export const PROCESS_URL = "types.containerd.io/opencontainers/runtime-spec/1/Process";
/** `linux.resources` of that specification: what Update gets for Linux containers. */
export const LINUX_RESOURCES_URL = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
/** `windows.resources` of that specification: what Update gets for Windows containers. */
export const WINDOWS_RESOURCES_URL = "types.containerd.io/opencontainers/runtime-spec/1/WindowsResources";
/** Features of an OCI runtime: what `-info` may answer. */
export const FEATURES_URL = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";
/** `{fragment, mediaType}`: a security policy fragment, given to Update. */
export const POLICY_FRAGMENT_URL = "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/PolicyFragment";
/** `{HostPath, ContainerPath, ReadOnly, Type}`: a mount to add to a running container, given to Update. */
export const CONTAINER_MOUNT_URL = "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/ContainerMount";
