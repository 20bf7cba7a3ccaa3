/** The runtime under which containerd knows this project's shim. */
export const RUNTIME_NAME = "io.containerd.runhcs.v1";
