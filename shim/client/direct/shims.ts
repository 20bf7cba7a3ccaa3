/** Shims of containers: started with their verb `start`, as containerd does it, and spoken to on their sockets. */
import { spawn } from "node:child_process";
import { Any } from "../../../protos/gen/google.ts";
import { pathOfAddress } from "../../bootstrap/address.ts";
import { bundleFile, readIfPresent } from "../../bootstrap/bundle.ts";
import { messageOf } from "../../errors.ts";
import { EVENTS_FILE_VARIABLE } from "../../events/transport.ts";
import { connect, type Client } from "../../ttrpc/index.ts";
import { ClientError } from "../errors.ts";
import { bundleDirectory } from "./containers.ts";
import type { DirectEngineOptions, DirectLayout } from "./engine.ts";

/** What is kept of what a command of the shim says about its failure. */
const KEPT_CHARACTERS = 4_000;

export class Shims {
  readonly #layout: DirectLayout;
  readonly #options: DirectEngineOptions;
  /** Connections by container: each one is made once. */
  readonly #clients = new Map<string, Promise<Client>>();

  constructor(layout: DirectLayout, options: DirectEngineOptions) {
    this.#layout = layout;
    this.#options = options;
  }

  /** Starts the shim of a container. @throws {ClientError} with what it says */
  async start(id: string, runtimeOptions: Any | undefined): Promise<void> {
    const input = runtimeOptions === undefined ? new Uint8Array() : Any.encode(runtimeOptions);
    await this.#run(id, "start", input);
  }

  /** Has a shim's `delete` release what a shim that died has left. @returns what it prints, a DeleteResponse */
  release(id: string): Promise<Buffer> {
    return this.#run(id, "delete", new Uint8Array());
  }

  /**
   * The connection to a container's shim.
   *
   * @returns undefined when it has none, or none that answers
   */
  async find(id: string): Promise<Client | undefined> {
    const known = this.#clients.get(id);
    if (known !== undefined) return known;
    const address = readIfPresent(bundleFile(bundleDirectory(this.#layout, id), "address"));
    if (address === undefined) return undefined;
    const connecting = connect(pathOfAddress(address));
    this.#clients.set(id, connecting);
    try {
      const client = await connecting;
      void client.closed.then(() => this.#clients.delete(id));
      return client;
    } catch (error) {
      this.#clients.delete(id);
      // Its socket has gone, or nobody serves it: it has ended.
      if (["ENOENT", "ECONNREFUSED"].includes(systemCodeOf(error) ?? "")) return undefined;
      throw new ClientError(
        "Unavailable",
        `cannot reach the shim of container "${id}": ${messageOf(error)}`,
        {
          cause: error,
          id,
        },
      );
    }
  }

  async close(): Promise<void> {
    const open = await Promise.allSettled(this.#clients.values());
    for (const each of open) if (each.status === "fulfilled") await each.value.close();
  }

  /** One verb of the shim, in the container's bundle. @returns what it prints */
  #run(id: string, verb: "start" | "delete", input: Uint8Array): Promise<Buffer> {
    const bundle = bundleDirectory(this.#layout, id);
    const [program = "", ...first] = this.#options.shim;
    const { namespace, environment } = this.#options;
    const flags = ["-namespace", namespace, "-id", id, "-address", this.#layout.root];
    // Events go into the file: there is no containerd whose `publish` could be run.
    const args = [...first, ...flags, "-publish-binary", "none", "-bundle", bundle, verb];
    const env = { ...process.env, ...environment, [EVENTS_FILE_VARIABLE]: this.#layout.events };
    const action = `cannot ${verb === "start" ? "start the shim" : "release what is left"} of container "${id}"`;
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: bundle,
        env,
        stdio: ["pipe", "pipe", "pipe"],
        windowsHide: true,
      });
      const output: Buffer[] = [];
      let said = "";
      child.stdout.on("data", (piece: Buffer) => output.push(piece));
      child.stderr.on("data", (piece: Buffer) => (said = (said + piece.toString()).slice(-KEPT_CHARACTERS)));
      child.once("error", (cause) =>
        reject(
          new ClientError("FailedPrecondition", `${action}: ${program}: ${cause.message}`, { cause, id }),
        ),
      );
      child.once("close", (code) => {
        if (code === 0) return resolve(Buffer.concat(output));
        const reason = said.trim().replace(/^[^\n]*?: /, "") || `it ended with status ${code}`;
        reject(new ClientError("Unknown", `${action}: ${reason}`, { id }));
      });
      // A shim that ends without reading has said why.
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
    });
  }
}

function systemCodeOf(error: unknown): string | undefined {
  const { code, cause } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : cause === undefined ? undefined : systemCodeOf(cause);
}
