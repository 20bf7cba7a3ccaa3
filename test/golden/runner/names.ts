/** Names the shim goes by in a run; what the placeholders of a case stand for. */

export const SHIM_NAME = "containerd-shim-runhcs-v1";
export const SHIM_DIRECTORY = "C:\\ContainerPlat";
