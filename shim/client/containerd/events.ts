/** Events of one containerd namespace. */
import { Events } from "../../../protos/gen/containerd-events.ts";
import type { Envelope } from "../../../protos/gen/types.ts";
import { timestampToDate } from "../../../protos/timestamp.ts";
import type { EngineEvent } from "../engine.ts";
import { clientError } from "../errors.ts";
import type { GrpcConnection } from "./grpc.ts";

export async function* containerdEvents(
  connection: GrpcConnection,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  // Older releases compare without quotes only where the value is a plain word; both forms are understood by all.
  const filters = [`namespace==${namespace},topic~="^/tasks/"`];
  const { Subscribe } = Events.methods;
  const stream = connection.serverStream(Events.typeName, Subscribe, { filters }, { signal });
  try {
    for await (const { timestamp, topic, event } of stream as AsyncIterable<Envelope>) {
      if (event === undefined) continue;
      yield { at: timestamp === undefined ? new Date(0) : timestampToDate(timestamp), topic, event };
    }
  } catch (error) {
    if (!signal.aborted) throw clientError("cannot go on reading events", error);
  } finally {
    stream.cancel();
  }
}
