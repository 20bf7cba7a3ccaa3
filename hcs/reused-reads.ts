/**
 * Sockets that read into memory which is used again. Node allocates 64 KiB for every read, and under a stream of output spends more
 * time on collecting them than on copying. Here whoever is done with a chunk may say so by {@link recycle}; who does not leaves it to
 * the collector, as ever.
 */
import { Socket, type OnReadOpts, type SocketConstructorOpts } from "node:net";

const BUFFER_BYTES = 64 * 1024;
/** Reads shorter than this are copied, so that a chunk never keeps more than twice its length in memory. */
const LEND_BYTES = BUFFER_BYTES / 2;
/** Kept for the next reads, of all sockets together: about as many as a relay has under way to a slow reader. */
const MOST_FREE = 24;
/** How long they are kept, ms. Under a stream of output it does not matter that some are made anew each second. */
const KEPT_MS = 1000;

let free: Buffer[] = [];
let isForgetting = false;
/** Buffers whose content is in use, by their memory. */
const lent = new WeakMap<ArrayBufferLike, Buffer>();

/** A socket that emits `data` like any other. */
export function openReusing(options: SocketConstructorOpts & { readonly handle?: unknown }): Socket {
  let buffer = take();
  const onread: OnReadOpts = {
    buffer: () => buffer,
    callback: (length) => {
      if (length < LEND_BYTES) return socket.push(Buffer.from(buffer.subarray(0, length)));
      const chunk = buffer.subarray(0, length);
      lent.set(buffer.buffer, buffer);
      buffer = take();
      return socket.push(chunk);
    },
  };
  const socket = new Socket({ ...options, onread } as SocketConstructorOpts);
  return socket;
}

/**
 * Goes on with an accepted connection that nothing has been read from. Node has no such option for servers.
 *
 * @returns another socket in its place; the same where Node hides what is needed
 */
export function reuseReads(accepted: Socket): Socket {
  const internal = accepted as unknown as { _handle?: object | null };
  const handle = internal._handle;
  if (handle === undefined || handle === null || accepted.destroyed) return accepted;
  internal._handle = null;
  const socket = openReusing({
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    readable: true,
    writable: true,
  });
  // Its server stops counting it.
  accepted.destroy();
  return socket;
}

/** The chunk, as a `data` event gave it, is used by nobody any more. Of other memory this does nothing. */
export function recycle(chunk: Uint8Array): void {
  const buffer = lent.get(chunk.buffer);
  if (buffer === undefined) return;
  lent.delete(chunk.buffer);
  if (free.length >= MOST_FREE) return;
  free.push(buffer);
  if (isForgetting) return;
  isForgetting = true;
  // Keeps no process alive.
  setTimeout(() => {
    isForgetting = false;
    free = [];
  }, KEPT_MS).unref();
}

function take(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
}
