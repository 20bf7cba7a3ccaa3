/** The networks of this machine. */
import { BridgeNetworks } from "../../../hcs/emulator/network/bridges.ts";
import type { HostNetworks } from "../../../hcs/port/networks.ts";
import { ClientError } from "../errors.ts";

/** @throws {ClientError} Unimplemented where this library cannot make endpoints yet */
export function hostNetworks(platform: NodeJS.Platform = process.platform): HostNetworks {
  if (platform === "linux") return new BridgeNetworks();
  throw new ClientError(
    "Unimplemented",
    `cannot choose a network on ${platform}: networks by switch name exist on the emulator; on Windows have CNI or "hnsdiag" make a namespace, and name it by an annotation of the pod, or give the client networks of your own`,
  );
}
