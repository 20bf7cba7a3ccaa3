/** Hyper-V sockets of a Windows host. */
import type { Duplex } from "node:stream";
import { abortable } from "../../abortable.ts";
import type {
  CallOptions,
  HvSocket,
  HvSocketAddress,
  HvSocketContainer,
  HvSocketListener,
  HvSocketRegistration,
} from "../../api.ts";
import { createDeferred } from "../../deferred.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { keepProcess } from "../ffi/keep-alive.ts";
import { NativeEvent } from "../ffi/watch.ts";
import { isGuidText } from "../guid.ts";
import { streamOf, type StreamKind } from "./adopt.ts";
import { HYPERV, type SocketFamily } from "./family.ts";
import { loopbackFamily, LOOPBACK_DIRECTORY } from "./loopback.ts";
import { Win32HvSocketListener } from "./listener.ts";
import { RawSocket, refused } from "./winsock.ts";

export interface HvSocketOptions {
  /** What carries the connections; {@link defaultFamily} unless given. */
  readonly family?: SocketFamily;
  readonly streams?: StreamKind;
}

export class Win32HvSocket implements HvSocket {
  readonly #family: SocketFamily;
  readonly #streams: StreamKind;
  readonly #listeners = new Set<HvSocketListener>();

  constructor({ family = defaultFamily(), streams = "adopt" }: HvSocketOptions = {}) {
    this.#family = family;
    this.#streams = streams;
  }

  async listen(address: HvSocketAddress, { signal }: CallOptions = {}): Promise<HvSocketListener> {
    signal?.throwIfAborted();
    const attempt = attemptOn("listen on", address);
    const listener = new Win32HvSocketListener(address, this.#family, this.#streams, attempt, () =>
      this.#listeners.delete(listener),
    );
    this.#listeners.add(listener);
    return listener;
  }

  /** One attempt: who waits for a guest to listen tries again. */
  async connect(address: HvSocketAddress, { signal }: CallOptions = {}): Promise<Duplex> {
    signal?.throwIfAborted();
    const attempt = attemptOn("connect to", address);
    const target = this.#family.connectAddress(address);
    if (target === undefined) throw refused(attempt);
    const socket = RawSocket.open(this.#family, attempt);
    const answered = createDeferred<void>();
    const event = new NativeEvent(() => answered.resolve());
    const letGo = keepProcess();
    try {
      socket.select(event, ["connect"], attempt);
      socket.connect(target, attempt);
      await abortable(answered.promise, signal);
      socket.requireConnected(event, attempt);
      socket.stopEvents();
      return streamOf(socket, attempt, this.#streams);
    } catch (error) {
      socket.close();
      throw error;
    } finally {
      event.close();
      letGo();
    }
  }

  async registerContainer(
    container: HvSocketContainer,
    { signal }: CallOptions = {},
  ): Promise<HvSocketRegistration> {
    signal?.throwIfAborted();
    let unregister: (() => void) | undefined = this.#family.registerContainer(container);
    return {
      close: async () => {
        unregister?.();
        unregister = undefined;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
  }
}

/** Hyper-V sockets, unless the environment of this process says that there are none and what stands in. */
function defaultFamily(): SocketFamily {
  const directory = process.env[LOOPBACK_DIRECTORY] ?? "";
  return directory === "" ? HYPERV : loopbackFamily(directory);
}

/** @throws {HcsError} where the address is none */
function attemptOn(
  operation: string,
  { vmId, serviceId }: HvSocketAddress,
): { operation: string; target: string } {
  const attempt = { operation, target: `${vmId}/${serviceId}` };
  const wrong = [vmId, serviceId].find((id) => !isGuidText(id));
  if (wrong === undefined) return attempt;
  throw new HcsError({
    ...attempt,
    hresult: HRESULT.invalidArgument,
    detail: `"${wrong}" is not a lower-case GUID`,
  });
}
