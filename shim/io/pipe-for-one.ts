/** A named pipe that is served for one client of this machine. */
import { createServer, type Socket } from "node:net";
import { createDeferred } from "../../hcs/deferred.ts";

interface Server {
  /** Nobody can dial any more; a connection goes on. Idempotent. */
  close(): void;
}

export class PipeForOne {
  readonly #connected = createDeferred<Socket>();
  #server: Server | undefined;
  #socket: Socket | undefined;

  private constructor() {
    // Whoever waits for the client gets the failure.
    this.#connected.promise.catch(() => undefined);
  }

  /** Can be dialled when this resolves. @throws when somebody serves the path already */
  static async listen(path: string): Promise<PipeForOne> {
    const pipe = new PipeForOne();
    pipe.#server = await serve(
      path,
      (socket) => pipe.#accept(socket),
      (error) => pipe.#connected.reject(error),
    );
    return pipe;
  }

  /** The client. Rejects when it could not be served. */
  get connected(): Promise<Socket> {
    return this.#connected.promise;
  }

  close(): void {
    this.#socket?.destroy();
    this.#server?.close();
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    socket.on("error", () => undefined);
    this.#server?.close();
    this.#connected.resolve(socket);
  }
}

type OnConnection = (socket: Socket) => void;
type OnError = (error: Error) => void;

async function serve(path: string, onConnection: OnConnection, onError: OnError): Promise<Server> {
  if (process.platform === "win32") {
    // Loaded here alone: it brings the FFI package. Node would serve clients of other machines, too.
    const { PipeServer } = await import("../../hcs/win32/pipes/server.ts");
    return PipeServer.listen(path, { onConnection, onError });
  }
  const server = createServer().once("connection", onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return { close: () => void (server.listening && server.close()) };
}
