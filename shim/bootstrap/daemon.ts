/**
 * Starting the long-lived process. `start` binds the socket and hands it over as descriptor 3, so it can answer
 * containerd while the process is still booting: connections wait in the socket's backlog. A named pipe of Windows cannot
 * be handed over; there the process makes it, and `start` waits until it can be opened.
 */
import { spawn, type StdioOptions } from "node:child_process";
import { closeSync, mkdirSync, openSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { startDeadline, type Clock } from "../clock.ts";
import { BUNDLE_FILE, readIfPresent } from "./bundle.ts";

/** Descriptor under which the process finds the listening socket. */
export const LISTEN_DESCRIPTOR = 3;

/** Runtime options as they came on stdin of `start`, for the process; base64. */
export const OPTIONS_VARIABLE = "RUNHCS_START_OPTIONS";

/** A socket that is listening, not yet served by anybody. */
export interface BoundSocket {
  readonly descriptor: number;
  /** Takes the socket away again, for when nobody will serve it. */
  abandon(): void;
}

/**
 * Binds and listens at `path`, private to this user. A path that nobody serves any more is taken over.
 *
 * @returns undefined when somebody serves it
 */
export async function bindSocket(
  path: string,
  isListening: (path: string) => Promise<boolean>,
): Promise<BoundSocket | undefined> {
  const server = await listenUnlessServed(path, isListening);
  if (server === undefined) return undefined;
  return { descriptor: descriptorOf(server), abandon: () => server.close() };
}

/** {@link bindSocket}, for whoever serves by itself. */
export async function listenUnlessServed(
  path: string,
  isListening: (path: string) => Promise<boolean>,
): Promise<Server | undefined> {
  const isFile = process.platform !== "win32";
  if (isFile) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const first = await tryListen(path);
  if (first !== undefined) return first;
  if (!isFile || (await isListening(path))) return undefined;
  unlinkSync(path);
  const second = await tryListen(path);
  if (second === undefined) throw new Error(`cannot listen at ${path}: the address is taken again and again`);
  return second;
}

/** Undefined when the address is in use. */
function tryListen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    // The socket file is made before `listen` returns.
    const mask = process.umask(0o177);
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(new Error(`cannot listen at ${path}: ${error.message}`, { cause: error }));
    });
    server.once("listening", () => resolve(server));
    listenAt(server, path);
    process.umask(mask);
  });
}

/**
 * As `server.listen(path)`, but for the module `cluster`, which that loads in order to ask it whether this process is a worker
 * of a cluster: it takes as long as everything else that listening takes. The method has had its name since Node 0.6.
 */
function listenAt(server: Server, path: string): void {
  const direct = server as { readonly _listen2?: (path: string, port: -1, type: -1) => void };
  if (process.platform === "win32" || direct._listen2 === undefined) server.listen(path);
  else direct._listen2(path, -1, -1);
}

/** Node has no public way to the descriptor of a server; its handle has had this member since Node 4. */
function descriptorOf(server: Server): number {
  const handle = (server as unknown as { readonly _handle?: { readonly fd?: number } })._handle;
  if (handle?.fd === undefined || handle.fd < 0)
    throw new Error("cannot hand over a listening socket: this Node hides its descriptor");
  return handle.fd;
}

export interface DaemonInit {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly bundle: string;
  /** Absent where sockets cannot be handed over: the process then listens by itself. */
  readonly socket?: BoundSocket;
  readonly options: Uint8Array;
  /** What containerd gave `start`. */
  readonly environment: NodeJS.ProcessEnv;
}

export interface Daemon {
  readonly pid: number;
  /** Resolves if the process ends, with how. */
  readonly ended: Promise<string>;
  /** What it has printed: why it could not serve. */
  said(): string;
}

/**
 * Variables that would only slow the process down or change what it is: it opens no TLS connection, and flags meant for
 * some other Node program are not meant for it.
 */
export const UNWANTED_VARIABLES: readonly string[] = ["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"];

/** One heap for the few threads that allocate, and pages returned early (mallopt(3)). Other C libraries ignore them. */
export const MALLOC_VARIABLES: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "131072",
};

/** Set for a process that finds its listening socket at {@link LISTEN_DESCRIPTOR}. */
export const HANDOVER_VARIABLE = "RUNHCS_LISTEN_HANDED_OVER";

/** Spawns the process, detached from everything of this one but the socket. */
export function spawnDaemon(init: DaemonInit): Daemon {
  const panicLog = openSync(join(init.bundle, BUNDLE_FILE.panic), "a", 0o600);
  try {
    const environment: NodeJS.ProcessEnv = { ...init.environment };
    for (const name of UNWANTED_VARIABLES) delete environment[name];
    Object.assign(environment, MALLOC_VARIABLES);
    if (init.options.length > 0) environment[OPTIONS_VARIABLE] = Buffer.from(init.options).toString("base64");
    const stdio: StdioOptions = ["ignore", panicLog, panicLog];
    if (init.socket !== undefined) {
      stdio[LISTEN_DESCRIPTOR] = init.socket.descriptor;
      environment[HANDOVER_VARIABLE] = "1";
    }
    const [program = process.execPath, ...args] = init.command;
    const child = spawn(program, args, { cwd: "/", env: environment, detached: true, stdio });
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    });
    child.unref();
    if (child.pid === undefined) {
      throw new Error(`cannot start the shim process: ${program} could not be executed`);
    }
    return { pid: child.pid, ended, said: () => readIfPresent(join(init.bundle, BUNDLE_FILE.panic)) ?? "" };
  } finally {
    closeSync(panicLog);
  }
}

/** Between two looks whether the process listens. */
const LOOK_EVERY_MS = 10;

/**
 * Waits until somebody accepts connections at `path`: for platforms where a listening socket cannot be handed over, and
 * containerd dials as soon as `start` has ended.
 *
 * @throws when the process ends first, or the budget does
 */
export async function awaitListening(
  path: string,
  daemon: Daemon,
  isListening: (path: string) => Promise<boolean>,
  clock: Clock,
  budgetMs: number,
): Promise<void> {
  let end: string | undefined;
  void daemon.ended.then((how) => (end = how));
  using deadline = startDeadline(clock, budgetMs, `waiting for the shim process to listen at ${path}`);
  while (!(await isListening(path))) {
    if (end !== undefined) {
      const why = daemon.said();
      throw new Error(
        `cannot start the shim process: it ended before it listened (${end})${why === "" ? "" : `: ${why}`}`,
      );
    }
    await clock.sleep(LOOK_EVERY_MS, deadline.signal);
  }
}
