/**
 * Hands events to containerd by its `publish` command, for a containerd that does not say where its ttrpc socket is
 * (before 1.3). The event goes to the standard input of a process of its own.
 */
import { spawn } from "node:child_process";
import { Any } from "../../protos/gen/google.ts";
import type { Envelope } from "../../protos/gen/types.ts";
import { reasonOf } from "../clock.ts";
import { EventRefusedError, type EventTransport } from "./delivery.ts";

export interface PublishBinaryOptions {
  /** The containerd executable (`-publish-binary`). */
  readonly executable: string;
  /** containerd's gRPC address (`-address`). */
  readonly address: string;
}

/** What is kept of what the command says about its failure. */
const KEPT_CHARACTERS = 2_000;

export class PublishBinaryTransport implements EventTransport {
  readonly #options: PublishBinaryOptions;

  constructor(options: PublishBinaryOptions) {
    this.#options = options;
  }

  forward(envelope: Envelope, signal: AbortSignal): Promise<void> {
    const { executable, address } = this.#options;
    const { namespace, topic, event } = envelope;
    const args = ["--address", address, "publish", "--namespace", namespace, "--topic", topic];
    return new Promise((resolve, reject) => {
      const child = spawn(executable, args, { stdio: ["pipe", "ignore", "pipe"], windowsHide: true });
      const onAbort = (): void => void child.kill("SIGKILL");
      let said = "";
      child.stderr.on("data", (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-KEPT_CHARACTERS);
      });
      child.on("error", (error) => {
        signal.removeEventListener("abort", onAbort);
        reject(
          new EventRefusedError(`cannot run "${executable}": ${error.message}`, {
            final: true,
            cause: error,
          }),
        );
      });
      child.on("close", (code, killedBy) => {
        signal.removeEventListener("abort", onAbort);
        if (code === 0) resolve();
        else if (signal.aborted) reject(reasonOf(signal));
        else reject(failure(`"${executable} publish" ended with ${killedBy ?? `status ${code}`}`, said));
      });
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      // A command that ends without reading has said why with its status.
      child.stdin.on("error", () => undefined);
      child.stdin.end(Any.encode(event ?? {}));
    });
  }

  /** Nothing outlives a call. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The status does not tell a refusal from a containerd that is away: it is tried again, but not for ever. */
function failure(what: string, said: string): EventRefusedError {
  const text = said.trim();
  return new EventRefusedError(text === "" ? what : `${what}: ${text}`, { final: false });
}
