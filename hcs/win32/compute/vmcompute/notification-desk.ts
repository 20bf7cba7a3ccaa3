/** Notifications of vmcompute.dll: `(u32 type, void *context, HRESULT status, PCWSTR data)`, and who waits for which. */
import { abortable } from "../../../abortable.ts";
import { createDeferred, type Deferred } from "../../../deferred.ts";
import { CallbackTable } from "../../ffi/callback.ts";
import { keepProcess } from "../../ffi/keep-alive.ts";
import { isNull, readText } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import type { NativeCall } from "../native.ts";
import { endedMeanwhile, ExitWatch, readSystemExit, SERVICE_DISCONNECTED } from "../notifications.ts";

/** HCS_NOTIFICATIONS, as far as they are listened to. */
export const NOTIFICATION = {
  systemExited: 0x1,
  createCompleted: 0x2,
  startCompleted: 0x3,
  pauseCompleted: 0x4,
  resumeCompleted: 0x5,
  processExited: 0x1_0000,
  serviceDisconnect: 0x0100_0000,
} as const;

/** Newer DLLs mark a failure in the type as well (HcsNotificationFlagFailure). */
const TYPE_MASK = 0x0fff_ffff;

/** HCS_NOTIFICATION_CALLBACK. The data are valid during the call only. */
export const notifications: CallbackTable<"void (u32 type, handle context, i32 status, handle data)"> =
  new CallbackTable({
    signature: "void (u32 type, handle context, i32 status, handle data)",
    context: 1,
  });

export interface Notification {
  readonly type: number;
  /** HRESULT, unsigned. */
  readonly status: number;
  readonly data: string | undefined;
}

/** @returns the context for the DLL */
export function listen(listener: (notification: Notification) => void): number {
  return notifications.add((type, _context, status, data) =>
    listener({
      type: type & TYPE_MASK,
      status: status >>> 0,
      data: isNull(data) ? undefined : readText(data),
    }),
  );
}

/** Receives what one system is told. */
export class NotificationDesk {
  readonly watch: ExitWatch = new ExitWatch();
  readonly #expected = new Map<number, Deferred<Notification>>();

  /** To be called before the call that the notification follows: it may come before that returns. */
  expect(type: number): Expected {
    const deferred = createDeferred<Notification>();
    this.#expected.set(type, deferred);
    return {
      forget: () => {
        if (this.#expected.get(type) === deferred) this.#expected.delete(type);
      },
      await: async (call) => {
        const superseded = new AbortController();
        const unwatch = this.watch.onExit((exit) => superseded.abort(endedMeanwhile(exit, call.attempt)));
        const letGo = keepProcess();
        try {
          const signals = call.signal === undefined ? [] : [call.signal];
          const notification = await abortable(
            deferred.promise,
            AbortSignal.any([superseded.signal, ...signals]),
          );
          requireSuccess(notification.status, call.attempt, notification.data);
        } finally {
          unwatch();
          letGo();
        }
      },
    };
  }

  deliver(notification: Notification): void {
    const { type, status, data } = notification;
    if (type === NOTIFICATION.systemExited) this.watch.settle(readSystemExit(data, status));
    if (type === NOTIFICATION.serviceDisconnect) this.watch.settle(SERVICE_DISCONNECTED);
    this.#expected.get(type)?.resolve(notification);
    this.#expected.delete(type);
  }
}

/** A notification that is to come. */
export interface Expected {
  /**
   * Waits for it.
   *
   * @throws {HcsError} when it tells of a failure, or the system ends before it comes; the signal's reason
   */
  await(call: NativeCall): Promise<void>;
  /** It is not waited for. */
  forget(): void;
}
