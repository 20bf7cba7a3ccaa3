/**
 * The environment of a job: what the request names, and what programs cannot do without. Nothing of the agent's own gets in
 * unless the request asks for it, because it would change what compilers write.
 */
import type { ExecHeader } from "../../../protos/gen/agent.ts";
import { foldCase } from "../paths/fold.ts";
import { AgentError } from "../protocol/errors.ts";

export type Platform = "posix" | "win32";

/** What is set where the request does not: pinned, so that results do not depend on where they were made. */
const PINNED: Readonly<Record<string, string>> = { TZ: "UTC", LC_ALL: "C", VSLANG: "1033" };

/** Windows programs fail in odd ways without these; they come from the agent's own environment. */
const WINDOWS_NEEDS = ["SystemRoot", "TEMP", "TMP", "PATHEXT", "ComSpec"];

const DEFAULT_PATH: Readonly<Record<Platform, (own: NodeJS.ProcessEnv) => string>> = {
  posix: () => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  win32: (own) => {
    const root = own["SystemRoot"] ?? "C:\\Windows";
    return `${root}\\System32;${root}`;
  },
};

type Request = Pick<ExecHeader, "env" | "inheritEnv" | "passTrace" | "traceparent" | "tracestate">;

/** @param own the agent's environment @throws {AgentError} for an entry without a name */
export function jobEnvironment(
  request: Request,
  platform: Platform,
  own: NodeJS.ProcessEnv,
): Record<string, string> {
  // Names of Windows differ by case only in how they are shown.
  const keyOf = platform === "win32" ? foldCase : (name: string): string => name;
  const entries = new Map<string, readonly [name: string, value: string]>();
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && !entries.has(keyOf(name))) entries.set(keyOf(name), [name, value]);
  };
  // The last of several entries wins, as in a shell.
  for (const text of [...request.env].reverse()) {
    const at = text.indexOf("=");
    if (at === 0 && platform === "win32") continue; // Current directories of drives: `=C:=C:\dir`.
    if (at <= 0)
      throw new AgentError(
        "invalid argument",
        `environment entry ${JSON.stringify(text)} must be NAME=VALUE`,
      );
    add(text.slice(0, at), text.slice(at + 1));
  }
  if (request.passTrace && request.traceparent !== "") {
    add("TRACEPARENT", request.traceparent);
    if (request.tracestate !== "") add("TRACESTATE", request.tracestate);
  }
  if (request.inheritEnv) for (const [name, value] of Object.entries(own)) add(name, value);
  if (platform === "win32") for (const name of WINDOWS_NEEDS) add(name, own[name]);
  add("PATH", DEFAULT_PATH[platform](own));
  for (const [name, value] of Object.entries(PINNED)) add(name, value);
  return Object.fromEntries(entries.values());
}
