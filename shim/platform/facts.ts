/** What differs between platforms and is only a value. */

/** Status of a task that died with its shim, unless it is known: killed, where there are signals; else containerd's "unknown". */
export const LOST_STATUS: number = process.platform === "win32" ? 255 : 128 + 9;
