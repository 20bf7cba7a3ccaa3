/**
 * What happened across a boundary, for whoever has to answer for it: a record for each session and each exec in it, also for
 * those that failed. A record names the one before it by its digest, so that none can be taken out unnoticed.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../errors.ts";
import type { BoundaryInfo, DeathNotice, ExecRequest, ExecResult, IsolatedContainer } from "./runtime.ts";

/** Who works, and with what. */
export interface SessionAbout {
  readonly session: string;
  /** Whoever answers for the work. */
  readonly user: string;
  /** Reference of the image; empty where the container has none. */
  readonly image: string;
  /** What the comparison of compilers has said, in one word. */
  readonly toolchain?: string;
}

type AuditEvent = "session opened" | "exec" | "container died" | "session closed";

export interface AuditRecord extends SessionAbout, BoundaryInfo {
  readonly event: AuditEvent;
  /** RFC 3339. */
  readonly time: string;
  readonly container: string;
  readonly incarnation: string;
  /** SHA-256 of the record before this one in its session; empty in the first. */
  readonly previous: string;
  readonly execId?: string;
  /** The command line as it was asked for. */
  readonly argv?: readonly string[];
  readonly exitCode?: number;
  readonly cause?: number;
  readonly inputDigest?: string;
  readonly outputDigest?: string;
  readonly durationMs?: number;
  readonly error?: string;
}

/** Takes one record, as a line without its end. */
export type AuditSink = (line: string) => void;

/** Appends to a file; made with its directory if need be, readable by its owner alone. */
export function auditFile(path: string): AuditSink {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return (line) => appendFileSync(path, `${line}\n`, { mode: 0o600 });
}

export interface Audited {
  readonly container: IsolatedContainer;
  /** Writes the last record. */
  close(): void;
}

/** The same container; what is done with it is recorded. */
export function withAudit(
  container: IsolatedContainer,
  about: SessionAbout,
  sink: AuditSink,
  now: () => number = Date.now,
): Audited {
  let previous = "";
  const record = (event: AuditEvent, more: Partial<AuditRecord> = {}): void => {
    const { id, incarnation, boundary } = container;
    const time = new Date(now()).toISOString();
    const whole = { event, time, ...about, ...boundary, container: id, incarnation, ...more, previous };
    const line = JSON.stringify(whole);
    previous = createHash("sha256").update(line).digest("hex");
    sink(line);
  };
  record("session opened");
  let isClosed = false;
  void container.died.then(({ reason, planned }: DeathNotice) => {
    if (!isClosed && !planned) record("container died", { error: reason });
  });
  const exec = async (request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> => {
    const begun = now();
    const asked = { argv: request.argv, ...(request.execId === undefined ? {} : { execId: request.execId }) };
    try {
      const result = await container.exec(request, signal);
      const { execId, exitCode, cause, inputDigest, outputDigest } = result;
      record("exec", {
        ...{ ...asked, execId, exitCode, cause, inputDigest, outputDigest },
        durationMs: now() - begun,
      });
      return result;
    } catch (error) {
      record("exec", { ...asked, durationMs: now() - begun, error: messageOf(error) });
      throw error;
    }
  };
  return {
    container: new Proxy(container, {
      get: (target, name) => {
        if (name === "exec") return exec;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    }),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      record("session closed");
    },
  };
}
