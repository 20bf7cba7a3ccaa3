/** What a thread for native calls and its owner say to one another. */
import { HcsError, type HcsErrorInit } from "../../errors.ts";

/** Calls that may block, by name. Arguments and results are plain data: they go from one thread to another. */
export type BlockingCalls = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Sent to the thread. One at a time: the next comes when the answer is there. */
export interface CallRequest {
  readonly topic: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

export type CallAnswer =
  | { readonly kind: "result"; readonly value: unknown }
  | { readonly kind: "hcs-error"; readonly init: HcsErrorInit }
  | { readonly kind: "error"; readonly error: unknown };

/** Errors of the port lose their class between threads; what they are made of does not. */
export function answerOf(error: unknown): CallAnswer {
  if (!(error instanceof HcsError)) return { kind: "error", error };
  const { operation, target, hresult, detail, events } = error;
  return {
    kind: "hcs-error",
    init: {
      operation,
      hresult,
      events,
      ...(target === undefined ? {} : { target }),
      ...(detail === undefined ? {} : { detail }),
    },
  };
}

/** @throws what the call threw */
export function valueOf(answer: CallAnswer): unknown {
  switch (answer.kind) {
    case "result":
      return answer.value;
    case "hcs-error":
      throw new HcsError(answer.init);
    case "error":
      throw answer.error;
  }
}
