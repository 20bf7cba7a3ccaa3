import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { HcsError } from "../../../../hcs/errors.ts";
import { WIN32_DIAGNOSTICS, type Win32Diagnostic } from "../../../../hcs/win32/diagnostics.ts";
import { NativeThread } from "../../../../hcs/win32/threads/native-thread.ts";
import { until } from "../../../support/until.ts";

/** What the thread of these tests runs: calls that block until a word of shared memory changes. */
const CODE = `
  const { parentPort } = require("node:worker_threads");
  const calls = {
    echo: (value) => value,
    wait: (words) => { Atomics.store(words, 1, 1); Atomics.wait(words, 0, 0); return "late"; },
    fail: () => { throw new TypeError("wrong"); },
  };
  parentPort.on("message", ({ name, args }) => {
    if (name === "refuse") {
      const init = { operation: "prepare layer", target: "C:\\\\x", hresult: 0x80070015, events: [] };
      parentPort.postMessage({ kind: "hcs-error", init });
      return;
    }
    if (name === "exit") process.exit(3);
    try { parentPort.postMessage({ kind: "result", value: calls[name](...args) }); }
    catch (error) { parentPort.postMessage({ kind: "error", error }); }
  });
`;

type TestCalls = {
  readonly echo: (value: unknown) => unknown;
  readonly wait: (words: Int32Array) => string;
  readonly fail: () => void;
  readonly refuse: () => void;
  readonly exit: () => void;
};

describe("NativeThread", () => {
  const thread = new NativeThread("test", { code: CODE });
  const calls = thread.calls<TestCalls>("test");
  let words: Int32Array;

  beforeEach(() => {
    words = new Int32Array(new SharedArrayBuffer(8));
  });
  afterEach(() => {
    release();
    thread.close();
  });

  const release = (): void => {
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
  };
  const running = (): Promise<unknown> => until("the call to run", () => Atomics.load(words, 1) === 1);

  it("gives the result of a call, and its errors as they are", async () => {
    assert.deepEqual(await calls.echo([{ text: "ü", big: 1n }]), { text: "ü", big: 1n });
    await assert.rejects(calls.fail([]), { name: "TypeError", message: "wrong" });
    await assert.rejects(calls.refuse([]), (error) => {
      assert.ok(error instanceof HcsError);
      assert.match(error.message, /^cannot prepare layer "C:\\x": 0x80070015/);
      return true;
    });
  });

  it("makes one call at a time, in order, and keeps the event loop free", async () => {
    const order: string[] = [];
    const first = calls.wait([words]).then(() => order.push("first"));
    const second = calls.echo([1]).then(() => order.push("second"));
    await running();
    release();
    await Promise.all([first, second]);
    assert.deepEqual(order, ["first", "second"]);
  });

  it("does not make a call that was given up before its turn", async () => {
    const first = calls.wait([words]);
    await running();
    const abort = new AbortController();
    const never = new Int32Array(new SharedArrayBuffer(8));
    const second = calls.wait([never], { signal: abort.signal });
    abort.abort(new Error("stop"));
    await assert.rejects(second, /stop/);
    release();
    await first;
    await calls.echo([1]);
    assert.equal(Atomics.load(never, 1), 0);
  });

  it("hands over what a call that was given up still gives", async () => {
    const abort = new AbortController();
    const released: string[] = [];
    const release_ = (late: string): Promise<unknown> => Promise.resolve(released.push(late));
    const given = calls.wait([words], { signal: abort.signal, release: release_ });
    await running();
    abort.abort(new Error("stop"));
    await assert.rejects(given, /stop/);
    release();
    await until("the late result", () => released.length === 1);
    assert.deepEqual(released, ["late"]);
  });

  it("announces a late result that cannot be released", async () => {
    const announced: Win32Diagnostic[] = [];
    const listen = (message: unknown): void => void announced.push(message as Win32Diagnostic);
    subscribe(WIN32_DIAGNOSTICS, listen);
    try {
      const abort = new AbortController();
      const given = calls.wait([words], {
        signal: abort.signal,
        release: () => Promise.reject(new Error("no")),
      });
      await running();
      abort.abort(new Error("stop"));
      await assert.rejects(given, /stop/);
      release();
      await until("the failure", () => announced.length === 1);
      assert.equal(announced[0]?.work, "release the late result of test.wait");
    } finally {
      unsubscribe(WIN32_DIAGNOSTICS, listen);
    }
  });

  it("says that it was lost, and starts again", async () => {
    await assert.rejects(calls.exit([]), /the thread for test was lost during a call/);
    assert.equal(await calls.echo([2]), 2);
  });
});
