/** Knowing of a container's end as soon as its shim does. */
import { Task } from "../../../protos/gen/task-v2.ts";
import { messageOf } from "../../errors.ts";
import type { Client } from "../../ttrpc/index.ts";
import { AgentError } from "../protocol/errors.ts";

/** A signal that fires when the task has ended, or its shim has. @param until stops watching */
export function watchTask(client: Client, id: string, until: AbortSignal): AbortSignal {
  const over = new AbortController();
  const end = (why: string): void =>
    over.abort(
      new AgentError("unavailable", `container "${id}" has ended: ${why}`, {
        consequences: { retryable: true, sideEffects: "unknown" },
      }),
    );
  client.call(Task, "Wait", { id }, { signal: until }).then(
    ({ exitStatus }) => end(`its first process exited with ${exitStatus}`),
    (error: unknown) => {
      if (!until.aborted) end(`its shim does not answer: ${messageOf(error)}`);
    },
  );
  return over.signal;
}
