/** Small programs in a container that help to copy its files. */
import { buffer } from "node:stream/consumers";
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";

export interface SmallProgramEnd {
  readonly exitCode: number;
  /** The last line it wrote. */
  readonly said: string;
}

/** Runs a program to its end. */
export async function statusInside(container: Container, args: readonly string[]): Promise<SmallProgramEnd> {
  const process = await container.spawn({ args });
  const streams = [process.stderr, process.stdout].filter((stream) => stream !== undefined);
  const texts = await Promise.all(streams.map((stream) => buffer(stream)));
  const { exitCode } = await process.wait();
  return { exitCode, said: texts.map(lastLine).find((line) => line !== "") ?? "" };
}

/** @throws {ClientError} with what the program says when it fails */
export async function runInside(container: Container, args: readonly string[]): Promise<void> {
  const { exitCode, said } = await statusInside(container, args);
  if (exitCode !== 0) throw new ClientError("Unknown", said || `${args[0]} ended with status ${exitCode}`);
}

export function lastLine(text: Buffer): string {
  return text.toString("utf8").trim().split("\n").at(-1)?.trim() ?? "";
}
