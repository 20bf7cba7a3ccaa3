import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CallLedger, readLedger } from "../../../../shim/hosting/takeover/call-ledger.ts";

describe("CallLedger", () => {
  let directory: string;
  let path: string;
  let ledger: CallLedger;
  const [one, other] = [{ id: 1 }, { id: 2 }];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "ledger-"));
    path = join(directory, "calls");
    ledger = new CallLedger(path);
  });

  afterEach(() => {
    ledger.close();
    rmSync(directory, { recursive: true });
  });

  /** What is owed, as text: connection, stream, request. */
  function owed(): string[] {
    return [...readLedger(path)]
      .flatMap(([connection, { pending, isCut }]) => [
        ...(isCut ? [`${connection} cut`] : []),
        ...pending.map(
          ({ streamId, request }) =>
            `${connection}/${streamId} ${request === undefined ? "not kept" : Buffer.from(request).toString()}`,
        ),
      ])
      .sort();
  }

  it("says at any moment what was taken and not answered", () => {
    ledger.onPending(one, 1, Buffer.from("first"));
    ledger.onPending(one, 3, Buffer.from("second"));
    ledger.onPending(other, 1, Buffer.from("third"));
    assert.deepEqual(owed(), ["1/1 first", "1/3 second", "2/1 third"]);
    ledger.onAnswered(one, 1);
    ledger.onPending(other, 3, Buffer.from("a longer one in its place"));
    ledger.onAnswered(other, 1);
    assert.deepEqual(owed(), ["1/3 second", "2/3 a longer one in its place"]);
  });

  it("keeps of long requests and of streams that there are such", () => {
    ledger.onPending(one, 1, Buffer.alloc(496, "x"));
    ledger.onPending(one, 3, Buffer.alloc(497, "x"));
    ledger.onPending(one, 5, new Uint8Array(0));
    assert.deepEqual(owed(), [`1/1 ${"x".repeat(496)}`, "1/3 not kept", "1/5 not kept"]);
  });

  it("says which connections nobody could read on", () => {
    ledger.onPartial(one, true);
    ledger.onPartial(other, true);
    ledger.onPartial(one, false);
    assert.deepEqual(owed(), ["2 cut"]);
  });

  it("forgets connections that are closed, and no others", () => {
    for (const connection of [one, { id: 11 }]) {
      ledger.onPending(connection, 1, Buffer.from("call"));
      ledger.onPartial(connection, true);
    }
    ledger.onClosed(one);
    assert.deepEqual(owed(), ["11 cut", "11/1 call"]);
  });

  it("does not grow while as many calls end as begin", () => {
    for (let stream = 1; stream < 2000; stream += 2) {
      ledger.onPending(one, stream, Buffer.from(`${stream}`));
      if (stream > 3) ledger.onAnswered(one, stream - 4);
    }
    assert.deepEqual(owed(), ["1/1997 1997", "1/1999 1999"]);
  });

  it("begins with nothing", () => {
    ledger.onPending(one, 1, Buffer.from("of the process before"));
    const next = new CallLedger(path);
    assert.deepEqual(owed(), []);
    next.close();
    assert.deepEqual([...readLedger(join(directory, "nobody's"))], []);
  });
});
