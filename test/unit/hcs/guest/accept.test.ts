import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import type { HvSocketListener } from "../../../../hcs/api.ts";
import { acceptOne } from "../../../../hcs/guest/accept.ts";
import { vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";
import { collectDiagnostics, isBackgroundFailure } from "./diagnostics.ts";
import { hungUp, TestSockets } from "./sockets.ts";

describe("acceptOne", () => {
  it("takes one connection and no other", async () => {
    const sockets = new TestSockets();
    const accepted = acceptOne(await sockets.listen(vsockServiceId(7)), { guest: "vm" });
    const first = await sockets.dial(7);
    const stream = await accepted;
    assert.deepEqual(sockets.open, []);
    await assert.rejects(sockets.dial(7), { code: "ENOENT" });
    stream.destroy();
    await hungUp(first);
    await sockets.dispose();
  });

  it("hands the connection over without waiting for the listener to close", async () => {
    const stream = new PassThrough();
    const listener: HvSocketListener = {
      accept: async () => stream,
      close: () => new Promise<void>(() => undefined),
    };
    assert.equal(await acceptOne(listener, { guest: "vm" }), stream);
  });

  it("reports a listener that cannot be closed", async () => {
    using diagnostics = collectDiagnostics();
    const error = new Error("cannot close");
    const listener: HvSocketListener = {
      accept: async () => new PassThrough(),
      close: () => Promise.reject(error),
    };
    await acceptOne(listener, { guest: "vm" });
    assert.equal((await diagnostics.next(isBackgroundFailure)).error, error);
  });

  it("closes the listener when nobody came", async () => {
    const sockets = new TestSockets();
    const listener = await sockets.listen(vsockServiceId(7));
    const signal = AbortSignal.abort();
    await assert.rejects(acceptOne(listener, { guest: "vm", signal }), { name: "AbortError" });
    assert.deepEqual(sockets.open, []);
    await sockets.dispose();
  });
});
