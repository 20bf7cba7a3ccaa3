/** The agent's end of gRPC: one method over whatever connections it is handed, and nothing else. */
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AgentService, ExecServerFrame, type ExecClientFrame } from "../../../protos/gen/agent.ts";
import { asError } from "../../errors.ts";
import { asAgentError, AgentError, STATUS_NUMBERS } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import { WINDOW_BYTES } from "../protocol/wire.ts";
import { PathRefusal } from "../paths/refusal.ts";
import { reasonOf } from "../../clock.ts";
import { serveExec, type ExecContext, type ExecPeer } from "./exec.ts";

type Call = ServerDuplexStream<ExecClientFrame, Buffer>;

export interface AgentServer {
  /** Serves a connection until it ends. */
  accept(connection: Duplex): void;
  /** Streams that have not ended. */
  readonly running: number;
  /** Takes no more streams; resolves when those that run have ended and all that was said has gone out. */
  drain(): Promise<void>;
  close(): void;
}

export function createAgentServer(context: ExecContext): AgentServer {
  const server = new Server({
    "grpc.max_receive_message_length": LIMITS.messageBytes,
    "grpc.max_send_message_length": LIMITS.messageBytes,
    "grpc.max_concurrent_streams": LIMITS.concurrentExecs,
    "grpc-node.flow_control_window": WINDOW_BYTES,
  });
  let running = 0;
  const { Exec } = AgentService.methods;
  server.addService(
    {
      Exec: {
        path: `/${AgentService.typeName}/${Exec.name}`,
        requestStream: true,
        responseStream: true,
        requestDeserialize: (bytes: Buffer) => Exec.input.decode(bytes),
        // Encoded when they are sent: what waits in a queue must not change with the buffer it was read into.
        responseSerialize: (bytes: Buffer) => bytes,
        requestSerialize: (frame: ExecClientFrame) => asBuffer(Exec.input.encode(frame)),
        responseDeserialize: (bytes: Buffer) => Exec.output.decode(bytes),
      },
    },
    {
      Exec: (call: Call) => {
        running += 1;
        void serveCall(call, context).finally(() => (running -= 1));
      },
    },
  );
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    accept: (connection) => injector.injectConnection(connection),
    get running() {
      return running;
    },
    drain: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
    close: () => server.forceShutdown(),
  };
}

/** A view of the same memory. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function serveCall(call: Call, context: ExecContext): Promise<void> {
  let execId = "";
  const gone = new AbortController();
  call.once("cancelled", () => gone.abort(new AgentError("cancelled", "the caller has gone")));
  // What goes wrong with the stream shows as a cancellation.
  call.on("error", () => undefined);
  try {
    await serveExec(peerOf(call, gone.signal), context, (id) => (execId = id));
    call.end();
  } catch (error) {
    if (gone.signal.aborted) {
      context.log.info("exec cancelled", { exec_id: execId });
      call.end();
      return;
    }
    const failure = asAgentError(error);
    if (failure.cause instanceof PathRefusal) context.log.security("agent-path-refused", execId, failure);
    else if (failure.status === "invalid argument")
      context.log.security("agent-malformed-request", execId, failure);
    else if (failure.status === "resource exhausted")
      context.log.security("agent-limit-exceeded", execId, failure);
    else context.log.info("exec failed", { exec_id: execId, error: failure.message });
    call.emit("error", { code: STATUS_NUMBERS[failure.status], details: failure.message });
  }
}

/** Undefined at the half-close. A caller who has gone ends the stream too, which is told a turn later. */
async function nextFrame(
  frames: AsyncIterator<ExecClientFrame>,
  gone: AbortSignal,
): Promise<ExecClientFrame | undefined> {
  const next = await frames.next();
  if (next.done !== true) return next.value;
  await nextTurn();
  gone.throwIfAborted();
  return undefined;
}

function peerOf(call: Call, signal: AbortSignal): ExecPeer {
  // The end of what comes in is not the end of what goes out.
  const frames = call.iterator({ destroyOnReturn: false }) as AsyncIterator<ExecClientFrame>;
  return {
    signal,
    next: (limit) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => reject(reasonOf(limit));
        if (limit.aborted) return onAbort();
        limit.addEventListener("abort", onAbort, { once: true });
        nextFrame(frames, signal)
          .then(resolve, (error: unknown) => reject(asError(error)))
          .finally(() => limit.removeEventListener("abort", onAbort));
      }),
    send: async (frame) => {
      signal.throwIfAborted();
      if (!call.write(asBuffer(ExecServerFrame.encode(frame)))) await once(call, "drain", { signal });
    },
  };
}
