/** Checks of what a request asks for, before anything is made for it. */
import { realpathSync } from "node:fs";
import { win32 } from "node:path";
import { joinArguments } from "../../../oci/windows/command-line.ts";
import type { ExecHeader } from "../../../protos/gen/agent.ts";
import { AgentError } from "../protocol/errors.ts";
import { checkExecId } from "../protocol/exec-id.ts";
import { hostPathNormaliser } from "../paths/host-path.ts";
import { PathRefusal } from "../paths/refusal.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { Platform } from "./environment.ts";

/** @throws {AgentError} naming the member at fault */
export function checkHeader(header: ExecHeader, platform: Platform): void {
  checkExecId(header.execId);
  const { argv, env, transfer } = header;
  if (transfer !== undefined) {
    requireAbsolute("transfer.root", transfer.root, platform);
    if (argv.length > 0) throw refused("argv must be empty for a transfer");
    return;
  }
  const [program] = argv;
  if (program === undefined || program === "") throw refused("argv must name a program");
  requireMost("argv", "entries", argv.length, LIMITS.argvEntries);
  requireMost("argv", "bytes", byteSum(argv), LIMITS.argvBytes);
  for (const [index, argument] of argv.entries()) {
    if (argument.includes("\0")) throw refused(`argv[${index}] contains a NUL`);
    requireMost(`argv[${index}]`, "bytes", Buffer.byteLength(argument), LIMITS.argumentBytes);
  }
  if (platform === "win32")
    requireMost("argv", "characters when joined", joinArguments(argv).length, LIMITS.commandLineCharacters);
  requireMost("env", "entries", env.length, LIMITS.environmentEntries);
  requireMost("env", "bytes", byteSum(env), LIMITS.environmentBytes);
  const odd = env.findIndex((entry) => entry.includes("\0"));
  if (odd >= 0) throw refused(`env[${odd}] contains a NUL`);
  if (header.cwd !== "") requireAbsolute("cwd", header.cwd, platform);
}

function requireAbsolute(name: string, path: string, platform: Platform): void {
  if (path.includes("\0")) throw refused(`${name} contains a NUL`);
  if (platform === "win32") return requireLocal(name, path);
  if (!path.startsWith("/"))
    throw refused(`${name} must be an absolute path (found ${JSON.stringify(path)})`);
}

/** By its spelling: a look at a share would send credentials to whoever serves it. Streams and devices are no directories. */
function requireLocal(name: string, path: string): void {
  try {
    normalised(path);
  } catch (cause) {
    if (!(cause instanceof PathRefusal)) throw cause;
    throw new AgentError("invalid argument", `cannot execute: ${name}: ${cause.message}`, { cause });
  }
}

const normalised = hostPathNormaliser({ root: "C:\\", longName: longNameOf });

function longNameOf(path: string): string | undefined {
  try {
    return win32.basename(realpathSync.native(path));
  } catch {
    // What is not there has no other name.
    return undefined;
  }
}

function byteSum(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}

function requireMost(name: string, unit: string, found: number, most: number): void {
  if (found <= most) return;
  throw new AgentError(
    "resource exhausted",
    `too much: ${name} may have at most ${most} ${unit} (found ${found})`,
  );
}

function refused(why: string): AgentError {
  return new AgentError("invalid argument", `cannot execute: ${why}`);
}

/** W3C trace id of a `traceparent`; undefined for one that is none, which is no error. */
export function traceId(traceparent: string): string | undefined {
  const id = traceparent.split("-")[1];
  if (traceparent.split("-").length < 4 || id === undefined) return undefined;
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? id : undefined;
}
