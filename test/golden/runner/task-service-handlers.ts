/** The handlers of the task service, called by steps of a case instead of over a socket. */
import type { Json } from "../../../hcs/scripted/platform.ts";
import { Task } from "../../../protos/gen/task-v2.ts";
import type { MethodDescriptor, ServiceDescriptor, ServiceHandlers } from "../../../protos/types.ts";
import { Code, RpcError, type CallContext } from "../../../shim/ttrpc/index.ts";
import type { Step } from "./case.ts";
import { replyJson } from "./replies.ts";
import { taskCall } from "./requests.ts";

/** What came of a step. */
export interface StepOutcome {
  readonly ok?: boolean;
  readonly response?: Json;
  readonly error?: { readonly code: string; readonly message: string };
}

type TaskHandlers = Record<string, (request: unknown, context: CallContext) => unknown>;

/** Stands where a server is registered with. */
export class TaskServiceHandlers {
  #handlers: TaskHandlers | undefined;

  register<S extends ServiceDescriptor>(service: S, handlers: ServiceHandlers<S, CallContext>): this {
    if (service.typeName === Task.typeName) this.#handlers = handlers;
    return this;
  }

  /** @throws for a step that is no call */
  async call(step: Step, signal: AbortSignal): Promise<StepOutcome> {
    const call = taskCall(step);
    if (call === undefined)
      throw new Error(`the case has a step "${step.op}", which this runner does not know`);
    if (this.#handlers === undefined) throw new Error(`nobody serves ${Task.typeName}`);
    const method = Task.methods[call.method] as MethodDescriptor;
    // There and back: what the wire cannot carry does not reach the service either.
    const request = method.input.decode(method.input.encode(call.request));
    try {
      const answer = (await this.#handlers[call.method]?.(request, { signal } as CallContext)) as object;
      const response = method.output.decode(method.output.encode(answer));
      return { ok: true, response: replyJson(response as object) };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const code =
        Object.entries(Code).find(([, number]) => number === error.code)?.[0] ?? String(error.code);
      return { error: { code, message: error.message } };
    }
  }
}
