/** What differs between platforms for the long-lived process: where it listens and logs. Loaded for this platform alone. */
import type { Socket } from "node:net";
import type { LogDestination } from "../log/destination.ts";
import type { Server } from "../ttrpc/index.ts";

/** Where `start` said that the process would be listening. */
export interface ListeningPlace {
  /** Path of the socket, or of the named pipe. */
  readonly path: string;
  /** The socket that `start` has bound there; absent where none can be handed over. */
  readonly descriptor?: number;
}

/** Where containerd reads the log of a shim. */
export interface LogPlace {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string | undefined;
  /** `debug_type` of the runtime options. */
  readonly debugType: number;
}

/** Somebody who can be dialled. */
export interface Listener {
  /** Idempotent. */
  close(): void;
}

export interface ServingPlatform {
  /** Can be dialled when this resolves. */
  listen(server: Server, place: ListeningPlace): Promise<void>;
  /**
   * Listens at a path, private to this user. Can be dialled when this resolves.
   *
   * @returns undefined when somebody serves the path already
   */
  offer(path: string, onConnection: (stream: Socket) => void): Promise<Listener | undefined>;
  /** To be opened before anybody is served. */
  openLog(place: LogPlace): LogDestination;
  /** Takes away what would stay of a socket when nobody serves it any more. */
  removeSocket(path: string): void;
  /** Has all that this process prints go to a file from now on. */
  printTo(path: string): Promise<void>;
}

export async function servingPlatform(): Promise<ServingPlatform> {
  if (process.platform === "win32") return (await import("./serving-windows.ts")).SERVING_ON_WINDOWS;
  return (await import("./serving-linux.ts")).SERVING_ON_LINUX;
}
