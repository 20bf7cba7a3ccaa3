/** A container of the client library as a peer: its own process pauses, further processes do the work. */
import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import { asError } from "../../errors.ts";
import type { Container } from "../../client/container.ts";
import type { PeerProcess, ProcessPeer } from "./process.ts";

export interface ClientPeerInit {
  readonly container: Pick<Container, "id" | "spawn" | "wait">;
  /** A directory that was mounted into the container when it was created. */
  readonly scratch: ProcessPeer["scratch"];
  /** Changes with every start: its pid, for example. */
  readonly incarnation: string;
}

export function clientPeer({ container, scratch, incarnation }: ClientPeerInit): ProcessPeer {
  mkdirSync(scratch.host, { recursive: true });
  return {
    id: container.id,
    incarnation,
    scratch,
    ended: container.wait().then(
      ({ exitCode }) => `its first process exited with ${exitCode}`,
      (error: unknown) => asError(error).message,
    ),
    run: (process) => runIn(container, process),
  };
}

function entryOf(entry: string): readonly [name: string, value: string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

async function runIn(
  container: ClientPeerInit["container"],
  { argv, env, cwd, onOutput, signal }: PeerProcess,
): Promise<{ exitCode: number; signal: number }> {
  signal.throwIfAborted();
  const started = await container.spawn(
    { args: [...argv], env: Object.fromEntries(env.map(entryOf)), cwd },
    { output: "pipe" },
  );
  const end = (): void => void started.kill("SIGKILL").catch(() => undefined);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    await Promise.all(
      (["stdout", "stderr"] as const).map(async (stream) => {
        for await (const bytes of started[stream] ?? []) await onOutput(stream, bytes as Buffer);
      }),
    );
    const exit = await started.wait();
    const number = exit.signal === undefined ? 0 : constants.signals[exit.signal as NodeJS.Signals];
    return { exitCode: exit.exitCode, signal: number };
  } finally {
    signal.removeEventListener("abort", end);
  }
}
