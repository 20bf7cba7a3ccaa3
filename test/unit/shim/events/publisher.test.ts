import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { unpackAny } from "../../../../protos/any.ts";
import { TaskCreate, TaskExit, TaskIO, TaskOOM, TaskStart } from "../../../../protos/gen/events.ts";
import type { Envelope } from "../../../../protos/gen/types.ts";
import { timestampToDate } from "../../../../protos/timestamp.ts";
import { EventRefusedError, type EventTransport } from "../../../../shim/events/delivery.ts";
import { EVENTS_CHANNEL, type PublisherEvent } from "../../../../shim/events/diagnostics.ts";
import { EventPublisher, type PublisherLimits } from "../../../../shim/events/publisher.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** containerd as it is at the moment: what it does with an event. */
type Mood = (envelope: Envelope, signal: AbortSignal) => Promise<void>;

class FakeTransport implements EventTransport {
  readonly delivered: Envelope[] = [];
  /** Topics in the order they were tried. */
  readonly attempts: string[] = [];
  mood: Mood = async () => undefined;
  inFlight = 0;
  mostInFlight = 0;
  closed = 0;

  async forward(envelope: Envelope, signal: AbortSignal): Promise<void> {
    this.attempts.push(envelope.topic);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      await this.mood(envelope, signal);
      this.delivered.push(envelope);
    } finally {
      this.inFlight -= 1;
    }
  }

  async close(): Promise<void> {
    this.closed += 1;
  }

  /** The ids of what was delivered. */
  get ids(): string[] {
    return this.delivered.map(({ event }) => unpackAny(event!, TaskStart)?.containerId ?? event!.typeUrl);
  }
}

const away: Mood = async () => {
  throw new Error("connect ENOENT");
};
const refusing =
  (final: boolean): Mood =>
  async () => {
    throw new EventRefusedError("topic: invalid argument", { final });
  };

describe("EventPublisher", () => {
  let clock: ManualClock;
  let transport: FakeTransport;
  let reports: PublisherEvent[];
  let publisher: EventPublisher;
  const listen = (message: unknown): void => void reports.push(message as PublisherEvent);
  const make = (limits: Partial<PublisherLimits> = {}): EventPublisher =>
    new EventPublisher({ clock, namespace: "k8s.io", transport, limits });

  beforeEach(() => {
    clock = new ManualClock();
    transport = new FakeTransport();
    reports = [];
    publisher = make();
    subscribe(EVENTS_CHANNEL, listen);
  });
  afterEach(async () => {
    await publisher.close();
    unsubscribe(EVENTS_CHANNEL, listen);
  });

  const start = (containerId: string): void => publisher.publish(TaskStart, { containerId, pid: 1 });
  const forever = new AbortController().signal;
  const summary = (): [string, string | undefined][] => reports.map(({ event, topic }) => [event, topic]);

  it("puts an event into an envelope with time, namespace, topic and bare type", async () => {
    publisher.publish(TaskExit, { containerId: "web", id: "web", pid: 7, exitStatus: 3 });
    await publisher.flush(forever);
    const [envelope] = transport.delivered;
    assert.equal(timestampToDate(envelope!.timestamp!).getTime(), clock.now());
    assert.deepEqual([envelope!.namespace, envelope!.topic], ["k8s.io", "/tasks/exit"]);
    assert.equal(envelope!.event!.typeUrl, "containerd.events.TaskExit");
    assert.equal(unpackAny(envelope!.event!, TaskExit)!.exitStatus, 3);
  });

  it("takes the message as it is at that moment", async () => {
    const io = TaskIO.create({ stdout: "before" });
    publisher.publish(TaskCreate, { containerId: "web", io });
    io.stdout = "after";
    await publisher.flush(forever);
    assert.equal(unpackAny(transport.delivered[0]!.event!, TaskCreate)!.io!.stdout, "before");
  });

  it("refuses a message that is no event", () => {
    assert.throws(
      () => publisher.publish(TaskIO, {}),
      /^TypeError: cannot publish "containerd.events.TaskIO"/,
    );
  });

  it("delivers in order, one at a time, without its callers waiting", async () => {
    transport.mood = () => new Promise((resolve) => setImmediate(resolve));
    const ids = Array.from({ length: 100 }, (_, index) => `task-${index}`);
    for (const id of ids) start(id);
    assert.equal(transport.delivered.length, 0);
    assert.equal(await publisher.flush(forever), 0);
    assert.deepEqual(transport.ids, ids);
    assert.equal(transport.mostInFlight, 1);
  });

  it("tries the first again until containerd is back, minutes later, and nothing overtakes it", async () => {
    transport.mood = away;
    start("a");
    publisher.publish(TaskExit, { containerId: "a", id: "a" });
    start("b");
    await clock.advance(10 * 60_000);
    assert.deepEqual(new Set(transport.attempts), new Set(["/tasks/start"]));
    assert.ok(transport.attempts.length > 100);
    assert.equal(publisher.queued, 3);
    transport.mood = async () => undefined;
    await clock.advance(5_000);
    assert.deepEqual(transport.ids, ["a", "containerd.events.TaskExit", "b"]);
    assert.deepEqual(summary(), [
      ["delayed", "/tasks/start"],
      ["caught-up", undefined],
    ]);
  });

  it("pauses longer and longer between attempts, up to a limit, and begins anew with the next event", async () => {
    transport.mood = away;
    start("a");
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await clock.advance(0);
      const [pause] = clock.pending;
      pauses.push(pause!);
      await clock.advance(pause!);
    }
    assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    transport.mood = async () => undefined;
    await clock.advance(5_000);
    transport.mood = away;
    start("b");
    await clock.advance(0);
    assert.deepEqual(clock.pending, [100]);
  });

  it("gives up an attempt that gets no answer, and tries again", async () => {
    const signals: AbortSignal[] = [];
    transport.mood = (_envelope, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    start("a");
    await clock.advance(5_000);
    assert.equal(signals[0]!.aborted, true);
    assert.match(String(signals[0]!.reason), /cannot publish "\/tasks\/start": timed out after 5000 ms/);
    transport.mood = async () => undefined;
    await clock.advance(100);
    assert.deepEqual(transport.ids, ["a"]);
  });

  it("drops an event that containerd calls invalid, and goes on with the next", async () => {
    transport.mood = refusing(true);
    start("bad");
    await clock.advance(0);
    transport.mood = async () => undefined;
    start("good");
    await publisher.flush(forever);
    assert.deepEqual(transport.ids, ["good"]);
    assert.deepEqual(summary(), [["refused", "/tasks/start"]]);
    assert.match(String(reports[0]!.error), /invalid argument/);
  });

  it("drops an event that containerd answers with errors time and again", async () => {
    transport.mood = refusing(false);
    start("bad");
    await clock.advance(60_000);
    assert.equal(transport.attempts.length, 10);
    assert.deepEqual(summary(), [["refused", "/tasks/start"]]);
    assert.equal(publisher.queued, 0);
  });

  it("does not count containerd being away as refusals", async () => {
    transport.mood = refusing(false);
    start("a");
    await clock.advance(1_000);
    transport.mood = away;
    await clock.advance(10 * 60_000);
    transport.mood = async () => undefined;
    await clock.advance(5_000);
    assert.deepEqual(transport.ids, ["a"]);
  });

  describe("whose queue is full", () => {
    beforeEach(() => {
      transport.mood = () => new Promise(() => undefined);
    });

    it("drops the oldest event that does not tell an end, never the one under way", async () => {
      publisher = make({ capacity: 4, attemptMs: 1_000 });
      start("under way");
      publisher.publish(TaskExit, { containerId: "a" });
      start("oldest");
      start("next");
      publisher.publish(TaskOOM, { containerId: "one too many" });
      assert.deepEqual(summary(), [["overflow", "/tasks/start"]]);
      assert.deepEqual([publisher.queued, transport.attempts], [4, ["/tasks/start"]]);
      transport.mood = async () => undefined;
      await clock.advance(2_000);
      assert.deepEqual(transport.ids, [
        "under way",
        "containerd.events.TaskExit",
        "next",
        "containerd.events.TaskOOM",
      ]);
    });

    it("keeps exits and deletes as long as there is anything else", async () => {
      publisher = make({ capacity: 3, attemptMs: 1_000 });
      start("under way");
      publisher.publish(TaskExit, { id: "1" });
      publisher.publish(TaskExit, { id: "2" });
      start("younger, but gone first");
      publisher.publish(TaskExit, { id: "3" });
      publisher.publish(TaskExit, { id: "4" });
      assert.deepEqual(
        summary().map(([, topic]) => topic),
        ["/tasks/start", "/tasks/exit", "/tasks/exit"],
      );
      transport.mood = async () => undefined;
      await clock.advance(2_000);
      const exits = transport.delivered.map(({ event }) => unpackAny(event!, TaskExit)?.id);
      assert.deepEqual(exits, [undefined, "3", "4"]);
    });
  });

  describe("flush", () => {
    it("is done at once when there is nothing to do", async () => {
      assert.equal(await publisher.flush(forever), 0);
    });

    it("tries at once what waits to be tried again", async () => {
      transport.mood = away;
      start("a");
      await clock.advance(20_000);
      transport.mood = async () => undefined;
      assert.equal(await publisher.flush(forever), 0);
      assert.deepEqual(transport.ids, ["a"]);
    });

    it("keeps trying in short intervals until its budget is used up, and says what is left", async () => {
      transport.mood = away;
      start("a");
      start("b");
      await clock.advance(20_000);
      const before = transport.attempts.length;
      const budget = new AbortController();
      const flushed = publisher.flush(budget.signal);
      await clock.advance(1_000);
      assert.ok(transport.attempts.length - before >= 10);
      budget.abort(new Error("shutdown ran out of time"));
      assert.equal(await flushed, 2);
      assert.deepEqual(summary().at(-1), ["undelivered", "/tasks/start"]);
    });

    it("waits for events that are published meanwhile", async () => {
      transport.mood = () => new Promise((resolve) => setImmediate(resolve));
      start("a");
      const flushed = publisher.flush(forever);
      start("b");
      assert.equal(await flushed, 0);
      assert.deepEqual(transport.ids, ["a", "b"]);
    });
  });

  it("is quiet after close: nothing is tried, nothing is pending, the transport is closed", async () => {
    transport.mood = away;
    start("a");
    await clock.advance(1_000);
    const attempts = transport.attempts.length;
    await publisher.close();
    start("b");
    await clock.advance(60_000);
    assert.equal(transport.attempts.length, attempts);
    assert.deepEqual([clock.pending, transport.closed], [[], 1]);
  });
});
