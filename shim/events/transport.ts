/** Which way events go to containerd. */
import type { EventTransport } from "./delivery.ts";
import { PublishBinaryTransport } from "./publish-binary.ts";
import { TtrpcTransport } from "./ttrpc-transport.ts";

export interface EventTransportOptions {
  /** containerd's gRPC address (`-address`). */
  readonly containerd: string;
  /** The containerd executable (`-publish-binary`). */
  readonly publishBinary: string;
  /** Where containerd names its ttrpc socket. The process's environment unless said otherwise. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** The ttrpc socket where containerd names one (`TTRPC_ADDRESS`, since 1.3), else its `publish` command. */
export function eventTransport(options: EventTransportOptions): EventTransport {
  const address = (options.environment ?? process.env)["TTRPC_ADDRESS"] ?? "";
  return address === ""
    ? new PublishBinaryTransport({ executable: options.publishBinary, address: options.containerd })
    : new TtrpcTransport(address);
}
