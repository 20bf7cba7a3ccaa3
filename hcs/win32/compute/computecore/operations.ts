/**
 * Calls of computecore.dll that complete by an operation: one operation object per call, whose callback tells of the completion. No
 * thread waits.
 */
import { abortable } from "../../../abortable.ts";
import { createDeferred } from "../../../deferred.ts";
import type { HcsError } from "../../../errors.ts";
import { HRESULT } from "../../../hresult-table.ts";
import { splitHresult } from "../../../hresult.ts";
import { inBackground } from "../../diagnostics.ts";
import { CallbackTable } from "../../ffi/callback.ts";
import { keepProcess } from "../../ffi/keep-alive.ts";
import { Lane } from "../../ffi/lane.ts";
import { COMPUTECORE } from "../../ffi/libraries/computecore.ts";
import { Library } from "../../ffi/library.ts";
import { isNull, takeText } from "../../ffi/memory.ts";
import { failure, requireSuccess, type Attempt } from "../../ffi/result.ts";
import { out, type Handle } from "../../ffi/types.ts";
import { newProcessInformation, readProcessInformation } from "../process-information.ts";
import type { NativeCall, ProcessInformation } from "../native.ts";
import { endedMeanwhile, type ExitWatch } from "../notifications.ts";

/**
 * Calls that ask the service run two at a time. A call only submits its operation, so that two are many; and two that hang leave half
 * of the pool to the file system.
 */
export const computecore: Library<typeof COMPUTECORE> = new Library(COMPUTECORE, new Lane("computecore", 2));

/**
 * Closing waits for callbacks that are running, and those run on the event loop: closing must neither be done there, nor wait for
 * calls that ask the service.
 */
export const closing: Library<typeof COMPUTECORE> = new Library(
  COMPUTECORE,
  new Lane("computecore closing", 1),
);

/** HCS_OPERATION_COMPLETION. */
const completions = new CallbackTable({
  signature: "void (handle operation, handle context)",
  context: 1,
});

/** Submits a call with the operation it is to complete by. @returns its HRESULT */
export type Submit = (operation: Handle) => Promise<number>;

export interface OperationOptions extends NativeCall {
  /** What ends the wait, beside the completion and the caller's signal: the end of the system. */
  readonly until?: ExitWatch | undefined;
}

/**
 * Runs one call to its completion.
 *
 * @returns the result document; undefined without one
 * @throws {HcsError} when it was refused, has failed, or its system has ended meanwhile; the signal's reason
 */
export function runOperation(submit: Submit, options: OperationOptions): Promise<string | undefined> {
  return run(submit, options, (operation) => takeDocument(operation, options));
}

/** What is to be done with what a call has made when nobody gets it. */
export interface Undo<T> {
  /** The call has failed, perhaps after it gave out a handle. */
  failed(): void;
  /** It completed after its caller had given up. */
  late(value: T): void;
}

/** As {@link runOperation}, for calls that make something. */
export function runMakingOperation(
  submit: Submit,
  options: OperationOptions,
  undo: Undo<void>,
): Promise<void> {
  return run(submit, options, (operation) => void takeDocument(operation, options), undo);
}

/** As {@link runMakingOperation}, for calls that tell of a process. */
export function runProcessOperation(
  submit: Submit,
  options: OperationOptions,
  undo: Undo<ProcessInformation>,
): Promise<ProcessInformation> {
  const take = (operation: Handle): ProcessInformation => {
    const information = newProcessInformation();
    const place = out();
    const name = "HcsGetOperationResultAndProcessInfo";
    const hresult = computecore.call(name, operation, information, place);
    requireSuccess(hresult, options.attempt, takeText(place[0]));
    return readProcessInformation(information);
  };
  return run(submit, options, take, undo);
}

function takeDocument(operation: Handle, { attempt }: NativeCall): string | undefined {
  const place = out();
  const hresult = computecore.call("HcsGetOperationResult", operation, place);
  const document = takeText(place[0]);
  requireSuccess(hresult, attempt, document);
  return document;
}

async function run<T>(
  submit: Submit,
  options: OperationOptions,
  take: (operation: Handle) => T,
  undo?: Undo<T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  const superseded = new AbortController();
  const unwatch = options.until?.onExit((exit) => {
    // The completion may be on its way.
    setImmediate(() => superseded.abort(endedMeanwhile(exit, options.attempt)));
  });
  const letGo = keepProcess();
  const operation = new Operation(options.attempt);
  try {
    const signals = options.signal === undefined ? [superseded.signal] : [superseded.signal, options.signal];
    const completion = operation.complete(submit, take).catch((error: unknown) => {
      undo?.failed();
      throw error;
    });
    return await abortable(completion, AbortSignal.any(signals), (late) => undo?.late(late));
  } catch (error) {
    if (options.signal?.aborted === true) operation.cancel();
    throw error;
  } finally {
    unwatch?.();
    letGo();
  }
}

/** One operation object. */
class Operation {
  readonly #attempt: Attempt;
  readonly #handle: Handle;
  readonly #context: number;
  readonly #completed = createDeferred<void>();
  #isPending = false;
  #cancelling: Promise<unknown> = Promise.resolve();

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
    this.#context = completions.add(() => this.#completed.resolve());
    this.#handle = computecore.call("HcsCreateOperation", this.#context, completions.address);
    if (!isNull(this.#handle)) return;
    completions.delete(this.#context);
    throw failure(HRESULT.noSystemResources, attempt);
  }

  /** Submits the call, waits for its completion, and closes the operation. */
  async complete<T>(submit: Submit, take: (operation: Handle) => T): Promise<T> {
    try {
      const hresult = await submit(this.#handle);
      if (splitHresult(hresult).failed) throw this.#refused(hresult);
      this.#isPending = true;
      await this.#completed.promise;
      return take(this.#handle);
    } finally {
      this.#isPending = false;
      inBackground("close an operation", this.#close());
    }
  }

  /** Nobody waits any more: asks for an early completion, which then releases what there is. */
  cancel(): void {
    if (!this.#isPending) return;
    const cancelled = computecore.run("HcsCancelOperation", [this.#handle]);
    this.#cancelling = cancelled.catch(() => undefined);
    inBackground("cancel an operation", cancelled);
  }

  /** A call that was refused has left its operation unstarted; why is in its result. */
  #refused(hresult: number): HcsError {
    const document = out();
    computecore.call("HcsGetOperationResult", this.#handle, document);
    return failure(hresult, this.#attempt, takeText(document[0]));
  }

  async #close(): Promise<void> {
    await this.#cancelling;
    await closing.run("HcsCloseOperation", [this.#handle]);
    completions.delete(this.#context);
  }
}
