import assert from "node:assert/strict";
import { duplexPair, type Duplex } from "node:stream";
import type { HvSocket } from "../../../../hcs/api.ts";
import { HcsError } from "../../../../hcs/errors.ts";
import { hresultFromWin32 } from "../../../../hcs/hresult.ts";
import { dialAgent, DIAL } from "../../../../shim/agent/host/dial.ts";
import { AgentInProcess } from "../../../support/agent-in-process.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const ADDRESS = { vmId: "vm", serviceId: "service" };
const [REFUSED, DENIED] = [10061, 10013];

function winsock(code: number): HcsError {
  return new HcsError({ operation: "connect to", hresult: hresultFromWin32(code) });
}

/** Answers each attempt to connect as the next of these says; the last one again and again. */
class Network implements Pick<HvSocket, "connect"> {
  attempts = 0;
  readonly #answers: readonly (() => Duplex)[];

  constructor(...answers: readonly (() => Duplex)[]) {
    this.#answers = answers;
  }

  async connect(): Promise<Duplex> {
    const answer = this.#answers[Math.min(this.attempts++, this.#answers.length - 1)];
    return answer!();
  }
}

const refuse = (code: number) => (): Duplex => {
  throw winsock(code);
};
/** Takes bytes and says nothing. */
const silent = (): Duplex => {
  const [near, far] = duplexPair();
  far.resume();
  return near;
};

describe("dialAgent", () => {
  let clock: ManualClock;
  beforeEach(() => (clock = new ManualClock()));

  /** Moves time on until the work has settled. */
  async function settled<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    const done = work.finally(() => (isSettled = true));
    done.catch(() => undefined);
    for (let count = 0; !isSettled && count < 1000; count += 1) await clock.advance(DIAL.pauseMs);
    return done;
  }

  it("tries again until somebody listens and speaks", async () => {
    const agent = await AgentInProcess.create();
    const [near, far] = duplexPair();
    const answers = [refuse(REFUSED), refuse(REFUSED), () => (agent.accept(far), near)];
    const hvSocket = new Network(...answers);
    const connection = await settled(dialAgent(ADDRESS, { hvSocket, clock }));
    assert.equal(hvSocket.attempts, 3);
    connection.close();
    agent.close();
  });

  it("gives up when time is up, and says how often it was tried", async () => {
    const hvSocket = new Network(refuse(REFUSED));
    await assert.rejects(settled(dialAgent(ADDRESS, { hvSocket, clock })), {
      status: "unavailable",
      message: /cannot reach agent service of VM vm in \d\d+ attempts: /,
      consequences: { retryable: true, sideEffects: "none" },
    });
    assert.ok(clock.monotonic() <= DIAL.totalMs + DIAL.pauseMs);
  });

  it("does not wait for a peer that takes bytes and never speaks", async () => {
    const hvSocket = new Network(silent, refuse(DENIED));
    await assert.rejects(settled(dialAgent(ADDRESS, { hvSocket, clock })), /in 2 attempts/);
    assert.ok(clock.monotonic() >= DIAL.helloMs);
  });

  it("does not try again what will not be let in", async () => {
    const hvSocket = new Network(refuse(DENIED));
    await assert.rejects(dialAgent(ADDRESS, { hvSocket, clock }), /in 1 attempts/);
  });

  it("stops when the container has ended, with the reason", async () => {
    const over = new AbortController();
    const dialling = dialAgent(ADDRESS, {
      hvSocket: new Network(refuse(REFUSED)),
      clock,
      over: over.signal,
    });
    over.abort(new Error("its first process exited with 1"));
    await assert.rejects(settled(dialling), /its first process exited with 1/);
  });
});
