/** Programs in containers of the library, to their end. */
import type { Container } from "../../shim/client/container.ts";
import type { ContainerClient } from "../../shim/client/client.ts";
import type { ContainerOptions, ProcessOptions } from "../../shim/client/options/options.ts";
import type { ContainerProcess, ProcessExit } from "../../shim/client/process.ts";
import { BUSYBOX_IMAGE } from "./image.ts";

export interface Outcome extends ProcessExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Everything a process writes, and its end. @param input given to it, where it has an input */
export async function outcome(process: ContainerProcess, input?: string | Uint8Array): Promise<Outcome> {
  const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  process.stdout?.on("data", (piece: Buffer) => collected.stdout.push(piece));
  process.stderr?.on("data", (piece: Buffer) => collected.stderr.push(piece));
  if (input !== undefined) process.stdin?.end(input);
  const exit = await process.wait();
  return {
    ...exit,
    stdout: Buffer.concat(collected.stdout).toString("utf8"),
    stderr: Buffer.concat(collected.stderr).toString("utf8"),
  };
}

/** A container of the local image for one script, removed afterwards. */
export async function runScript(
  client: ContainerClient,
  script: string,
  options: ContainerOptions = {},
): Promise<Outcome> {
  await using container = await client.create({
    image: BUSYBOX_IMAGE,
    args: ["sh", "-c", script],
    ...options,
  });
  // Awaited here: the container goes when this block is left.
  return await outcome(await container.start({ output: "pipe" }));
}

/** A script in a container that runs. */
export async function execScript(
  container: Container,
  script: string,
  options: ProcessOptions = {},
): Promise<Outcome> {
  return outcome(await container.spawn({ args: ["sh", "-c", script], ...options }));
}

/** A container of the local image that does nothing until it is removed. */
export async function idle(client: ContainerClient, options: ContainerOptions = {}): Promise<Container> {
  const container = await client.create({ image: BUSYBOX_IMAGE, args: ["sleep", "100000"], ...options });
  try {
    await container.start({ output: "ignore" });
    return container;
  } catch (error) {
    await container.destroy();
    throw error;
  }
}
