/**
 * What an agent has to say: one line of JSON per record, on its stderr, which is the log of its container. What breaks the
 * rules of the boundary is a record of its own kind, so that it can be found.
 */
import { messageOf } from "../../errors.ts";

export type SecurityEvent = "agent-malformed-request" | "agent-path-refused" | "agent-limit-exceeded";

export interface AgentLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Something from the other side was refused. */
  security(event: SecurityEvent, execId: string, error: unknown): void;
}

export function agentLog(write: (line: string) => void, now: () => number): AgentLog {
  const record = (level: string, message: string, fields: object): void =>
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...fields })}\n`);
  return {
    info: (message, fields = {}) => record("info", message, fields),
    security: (event, execId, error) =>
      record("error", "request refused", {
        ...{ category: "security", severity: "critical", event, rpc: "Exec" },
        ...{ exec_id: execId, error: messageOf(error) },
      }),
  };
}
