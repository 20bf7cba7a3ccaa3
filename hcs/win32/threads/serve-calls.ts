/** The inside of a thread for native calls: runs one after the other, and may block in each. */
import { parentPort } from "node:worker_threads";
import { answerOf, type BlockingCalls, type CallAnswer, type CallRequest } from "./messages.ts";

/** Serves calls until the owner ends the thread. */
export function serveCalls(topics: Readonly<Record<string, BlockingCalls>>): void {
  if (parentPort === null) throw new Error("cannot serve native calls: this is no thread of another program");
  const port = parentPort;
  port.on("message", ({ topic, name, args }: CallRequest) => {
    port.postMessage(run(topics[topic]?.[name], args));
  });
}

function run(call: BlockingCalls[string] | undefined, args: readonly unknown[]): CallAnswer {
  try {
    if (call === undefined) throw new Error("the thread does not know this call: it is of another version");
    return { kind: "result", value: call(...(args as never[])) };
  } catch (error) {
    return answerOf(error);
  }
}
