/** What differs between platforms and is only a value. */

/** Status of a task that died with its shim, unless it is known: killed, where there are signals; else containerd's "unknown". */
export const LOST_STATUS: number = process.platform === "win32" ? 255 : 128 + 9;

/** Whether a process can give an open connection to another, so that it outlives it. Node cannot with a named pipe. */
export const CAN_PASS_CONNECTIONS: boolean = process.platform !== "win32";
