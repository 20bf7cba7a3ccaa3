/** Where things of the host appear in a Windows VM. */

const VSMB = "\\\\?\\VMSMB\\VSMB-{dcc079ae-60ba-4d07-847c-3493609c0870}\\";

/** The root of VSMB share `name`. */
export function vsmbGuestPath(name: string): string {
  return `${VSMB}${name}`;
}

/** A named pipe of the host that the VM was given; `name` without `\\.\pipe\`. */
export function guestPipePath(name: string): string {
  return `${VSMB}IPC$\\${name}`;
}
