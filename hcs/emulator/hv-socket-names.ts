/** Names in a VM's directory of Hyper-V sockets, beside the service ids that the host listens on. */

const PREFIX = "c-";

/** Directory of what one container listens on. */
export function containerSocketsName(key: string): string {
  return `${PREFIX}${key}`;
}

export function isContainerSocketsName(name: string): boolean {
  return name.startsWith(PREFIX);
}
