/** Reaching an agent: dials until it answers, its container has ended, or time is up. */
import type { HvSocket, HvSocketAddress } from "../../../hcs/api.ts";
import { isWin32 } from "../../../hcs/hresult.ts";
import { reasonOf, startDeadline, type Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { AgentError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import { GrpcConnection } from "./grpc-stream.ts";

/** Times in ms. */
export const DIAL = {
  /** All attempts together. */
  totalMs: 10_000,
  /** One attempt to connect: without a limit of its own one may hang although nobody listens. */
  attemptMs: 2000,
  /** A peer that takes bytes but never speaks HTTP/2 is nobody. */
  helloMs: 3000,
  pauseMs: 100,
} as const;

/** Winsock errors of somebody who may be there in a moment. */
const NOT_YET = [10061, 10060, 10051, 10065, 1225, 1201];

export interface DialContext {
  readonly hvSocket: Pick<HvSocket, "connect">;
  readonly clock: Clock;
  /** Fires when there is nobody left to answer: the container, or its VM, has ended. Its reason is the error. */
  readonly over?: AbortSignal;
}

/** @throws {AgentError} unavailable, or the reason of `over` or `signal` */
export async function dialAgent(
  address: HvSocketAddress,
  { hvSocket, clock, over: ended }: DialContext,
  signal?: AbortSignal,
): Promise<GrpcConnection> {
  const parents = [signal, ended].filter((each) => each !== undefined);
  using total = startDeadline(clock, DIAL.totalMs, "dialling the agent", AbortSignal.any(parents));
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await connectOnce(address, hvSocket, clock, total.signal);
    } catch (error) {
      if (isTransient(error) && !total.signal.aborted) {
        // Several callers that lost the same agent do not come back in step.
        const pause = DIAL.pauseMs * (0.8 + Math.random() * 0.4);
        await clock.sleep(pause, total.signal).catch(() => undefined);
        if (!total.signal.aborted) continue;
      }
      const over = parents.find((parent) => parent.aborted);
      throw over === undefined ? unreachable(address, attempt, error) : reasonOf(over);
    }
  }
}

async function connectOnce(
  address: HvSocketAddress,
  hvSocket: DialContext["hvSocket"],
  clock: Clock,
  signal: AbortSignal,
): Promise<GrpcConnection> {
  using attempt = startDeadline(clock, DIAL.attemptMs, "connecting", signal);
  const stream = await hvSocket.connect(address, { signal: attempt.signal });
  const connection = new GrpcConnection(stream, LIMITS.messageBytes);
  using hello = startDeadline(clock, DIAL.helloMs, "waiting for the agent to speak HTTP/2", signal);
  try {
    await connection.ready(hello.signal);
    await connection.ping(hello.signal);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function isTransient(error: unknown): boolean {
  const hresult = (error as { hresult?: unknown }).hresult;
  if (typeof hresult !== "number") return true;
  return NOT_YET.some((code) => isWin32(hresult, code));
}

function unreachable({ vmId, serviceId }: HvSocketAddress, attempts: number, cause: unknown): AgentError {
  return new AgentError(
    "unavailable",
    `cannot reach agent ${serviceId} of VM ${vmId} in ${attempts} attempts: ${messageOf(cause)}`,
    { cause, consequences: { retryable: true, sideEffects: "none" } },
  );
}
