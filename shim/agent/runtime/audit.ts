/**
 * What happened across a boundary, for whoever has to answer for it: a record for each session, each exec and each copy in
 * it, also for those that failed. A record names the one before it by its digest, so that none can be taken out unnoticed.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../errors.ts";
import type { BoundaryInfo, DeathNotice, IsolatedContainer } from "./runtime.ts";

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

type AuditEvent = "session opened" | "exec" | "copy in" | "copy out" | "container died" | "session closed";

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
  /** Of a copy: where it came from and where it went, as they were asked for. */
  readonly source?: string;
  readonly target?: string;
  readonly files?: number;
  readonly bytes?: number;
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
  /** Records how a piece of work went, and what is known of it before. */
  const recorded = async <T>(
    event: AuditEvent,
    asked: Partial<AuditRecord>,
    work: Promise<T>,
    told: (result: T) => Partial<AuditRecord>,
  ): Promise<T> => {
    const begun = now();
    try {
      const result = await work;
      record(event, { ...asked, ...told(result), durationMs: now() - begun });
      return result;
    } catch (error) {
      record(event, { ...asked, durationMs: now() - begun, error: messageOf(error) });
      throw error;
    }
  };
  const work: Pick<IsolatedContainer, "exec" | "put" | "get"> = {
    exec: (request, signal) =>
      recorded(
        "exec",
        { argv: request.argv, ...(request.execId === undefined ? {} : { execId: request.execId }) },
        container.exec(request, signal),
        ({ execId, exitCode, cause, inputDigest, outputDigest }) => ({
          execId,
          exitCode,
          cause,
          inputDigest,
          outputDigest,
        }),
      ),
    put: (source, target, options) =>
      recorded("copy in", { source, target }, container.put(source, target, options), (copied) => ({
        files: copied.files,
        bytes: copied.bytes,
        inputDigest: copied.digest,
      })),
    get: (source, target, options) =>
      recorded("copy out", { source, target }, container.get(source, target, options), (copied) => ({
        files: copied.files,
        bytes: copied.bytes,
        outputDigest: copied.digest,
      })),
  };
  return {
    container: new Proxy(container, {
      get: (target, name) => {
        if (Object.hasOwn(work, name)) return work[name as keyof typeof work];
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
