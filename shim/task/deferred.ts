/** A promise together with its resolve and reject. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;

  constructor() {
    let resolvePromise: ((value: T) => void) | undefined;
    let rejectPromise: ((reason: Error) => void) | undefined;
    this.promise = new Promise<T>((resolve, reject) => {
      resolvePromise = resolve;
      rejectPromise = reject;
    });
    this.resolve = (value) => resolvePromise?.(value);
    this.reject = (reason) => rejectPromise?.(reason);
  }
}
