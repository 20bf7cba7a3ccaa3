/** The named pipes of a client that takes all output and has no input. */
import { Duplex } from "node:stream";
import type { PipeConnection } from "../../../shim/io/upstream.ts";

class ClientPipe extends Duplex {
  readonly bytesRead = 0;

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback();
  }
}

export async function dialClientPipe(): Promise<PipeConnection> {
  return new ClientPipe();
}
