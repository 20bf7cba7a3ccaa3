/** The host of the rig, as tests under Wine ask it. */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Platform } from "../../../hcs/scripted/platform.ts";
import {
  CONTROL_PORT,
  type CommandAnswer,
  type CommandArgument,
  type CommandName,
} from "../control/commands.ts";

/** What the scripted machine has, where a test needs nothing in particular. */
export const PLATFORM: Platform = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
};

let socket: Socket | undefined;
const waiting: { resolve: (value: never) => void; reject: (error: Error) => void }[] = [];

/** Asks the host. The connection does not keep the program alive. */
export function ask<N extends CommandName>(
  command: N,
  ...[argument]: CommandArgument<N> extends undefined ? [] : [CommandArgument<N>]
): Promise<CommandAnswer<N>> {
  const out = connection();
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    out.ref();
    out.write(`${JSON.stringify({ command, argument })}\n`);
  });
}

function connection(): Socket {
  if (socket !== undefined) return socket;
  const port = Number(process.env[CONTROL_PORT]);
  if (!(port > 0)) throw new Error(`cannot ask the rig: ${CONTROL_PORT} is not set`);
  socket = connect(port, "127.0.0.1");
  createInterface({ input: socket }).on("line", (line) => {
    const { answer, error } = JSON.parse(line) as { answer?: never; error?: string };
    const caller = waiting.shift();
    if (waiting.length === 0) socket?.unref();
    if (error === undefined) caller?.resolve(answer as never);
    else caller?.reject(new Error(`the host of the rig: ${error}`));
  });
  return socket;
}
