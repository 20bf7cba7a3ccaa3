/** The networks of this machine: bridges where the emulator runs, HCN on Windows. */
import { BridgeNetworks } from "../../../hcs/emulator/network/bridges.ts";
import type { HostNetworks } from "../../../hcs/port/networks.ts";
import { ClientError } from "../errors.ts";

/** @throws {ClientError} Unimplemented on other platforms */
export async function hostNetworks(platform: NodeJS.Platform = process.platform): Promise<HostNetworks> {
  if (platform === "linux") return new BridgeNetworks();
  // Loaded where it is needed: it is the way to the FFI.
  if (platform === "win32") return (await import("./windows-networks.ts")).windowsNetworks();
  throw new ClientError(
    "Unimplemented",
    `cannot choose a network on ${platform}: there are networks on Linux and Windows; give the client networks of your own`,
  );
}
