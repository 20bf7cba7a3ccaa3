/** A server of a named pipe of the emulated machine: a unix socket in the emulator's directory of pipes. */
import { mkdirSync, rmdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { pipesDirectory } from "../../hcs/emulator/systems/state-directory.ts";

export class PipeServer {
  readonly #directory: string;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #accepted = 0;

  private constructor(directory: string, serve: (connection: Socket) => void) {
    this.#directory = directory;
    this.#server = createServer({ allowHalfOpen: true }, (connection) => {
      this.#accepted += 1;
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
      connection.on("error", () => undefined);
      serve(connection);
    });
  }

  /** @param fileName of the socket */
  static async listen(
    stateDirectory: string,
    fileName: string,
    serve: (connection: Socket) => void,
  ): Promise<PipeServer> {
    const directory = pipesDirectory(stateDirectory);
    mkdirSync(directory, { recursive: true });
    const pipe = new PipeServer(directory, serve);
    await new Promise<void>((resolve, reject) => {
      pipe.#server.once("error", reject);
      pipe.#server.listen(join(directory, fileName), resolve);
    });
    return pipe;
  }

  /** Of all time. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Of now. */
  get open(): number {
    return this.#connections.size;
  }

  /** Ends the server with its connections, and removes its socket; with the last one the directory. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    try {
      rmdirSync(this.#directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Systems that have pipes mapped keep it, and their end removes it.
      if (code !== "ENOTEMPTY" && code !== "ENOENT") throw error;
    }
  }
}

/** Gives back what comes. */
export function echo(connection: Socket): void {
  connection.pipe(connection);
}
