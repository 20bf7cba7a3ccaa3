/** Asking the keeper, from Node: what the launcher does in C. */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { UNWANTED_VARIABLES } from "../../bootstrap/daemon.ts";
import { decodeReply, encodeRequest, type KeeperReply, type KeeperRequest } from "./protocol.ts";

/**
 * Hands a command over to the keeper.
 *
 * @returns its reply; undefined when there is no keeper, or it is gone before it has answered: then the caller does what it
 *   asked for itself, which is safe because `start` finds what was started already, and `delete` what was released
 */
export function askKeeper(address: string, request: KeeperRequest): Promise<KeeperReply | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(address);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("connect", () => socket.write(encodeRequest(request)));
    // Whatever went wrong, `close` follows, and what has arrived is no whole reply.
    socket.once("error", () => undefined);
    socket.once("close", () => resolve(decodeReply(Buffer.concat(chunks))));
  });
}

/**
 * Starts the keeper, to answer later: it ends by itself when there is one already.
 *
 * @param command program and arguments
 */
export function startKeeper(
  command: readonly string[],
  address: string,
  environment: NodeJS.ProcessEnv,
): void {
  const variables = { ...environment };
  for (const name of UNWANTED_VARIABLES) delete variables[name];
  const onPosix = process.platform !== "win32";
  if (onPosix) mkdirSync(dirname(address), { recursive: true, mode: 0o700 });
  const log = onPosix ? openSync(`${address}.log`, "a", 0o600) : undefined;
  try {
    const [program = process.execPath, ...args] = command;
    const output = log ?? "ignore";
    const child = spawn(program, args, {
      cwd: "/",
      env: variables,
      detached: true,
      stdio: ["ignore", output, output],
    });
    // Without a keeper pods get processes of their own; who wants to know why asks the doctor.
    child.once("error", () => undefined);
    child.unref();
  } finally {
    if (log !== undefined) closeSync(log);
  }
}
