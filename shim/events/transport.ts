/** Which way events go to containerd. */
import type { EventTransport } from "./delivery.ts";
import { FileTransport } from "./file-transport.ts";
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

/** Names the file that takes the place of containerd where none runs. */
export const EVENTS_FILE_VARIABLE = "RUNHCS_EVENTS_FILE";

/**
 * The ttrpc socket where containerd names one (`TTRPC_ADDRESS`, since 1.3), else its `publish` command; a file where a client
 * runs the shim without containerd.
 */
export function eventTransport(options: EventTransportOptions): EventTransport {
  const environment = options.environment ?? process.env;
  const file = environment[EVENTS_FILE_VARIABLE] ?? "";
  if (file !== "") return new FileTransport(file);
  const address = environment["TTRPC_ADDRESS"] ?? "";
  return address === ""
    ? new PublishBinaryTransport({ executable: options.publishBinary, address: options.containerd })
    : new TtrpcTransport(address);
}
