/** Our client towards containerd's own shim, in each release. */
import assert from "node:assert/strict";
import { Streaming } from "../../../protos/gen/streaming.ts";
import { Code, RpcError } from "../../../shim/ttrpc/index.ts";
import type { Client } from "../../../shim/ttrpc/index.ts";
import { eachContainerd } from "../../support/each-containerd.ts";
import { GoShim } from "./go-shim.ts";

/** For a client that does not keep to the limit that everybody else keeps to. */
const RECKLESS = { maxMessageLength: 16 * 1024 * 1024 };

eachContainerd("ttrpc client of a Go shim", {}, (containerd) => {
  let shim: GoShim;
  let client: Client;

  before(async () => {
    shim = await GoShim.start(containerd(), `${containerd().namespace}-go-shim`);
  });

  after(async () => {
    await (shim as GoShim | undefined)?.stop();
  });

  beforeEach(async () => {
    client = await shim.connect();
  });

  afterEach(async () => {
    await (client as Client | undefined)?.close();
  });

  it("is answered, also when it asks often", async () => {
    const replies = await Promise.all(
      Array.from({ length: 1000 }, () =>
        client.call(shim.service, "Connect", { id: shim.id }, { timeoutMs: 30_000 }),
      ),
    );
    const [{ shimPid } = { shimPid: 0 }] = replies;
    assert.ok(shimPid > 1);
    for (const reply of replies) assert.equal(reply.shimPid, shimPid);
  });

  it("is told what is not there", async () => {
    await assert.rejects(client.call(shim.service, "State", { id: shim.id }), { code: Code.NotFound });
    await assert.rejects(client.call(shim.service, "Wait", { id: "nobody" }), { code: Code.NotFound });
    await assert.rejects(client.callRaw(shim.service.typeName, "NoSuchMethod", Buffer.alloc(0)), {
      code: Code.Unimplemented,
    });
  });

  it("keeps the connection after requests that are too long, garbled, or of a stream", async () => {
    const reckless = await shim.connect(RECKLESS);
    await assert.rejects(reckless.callRaw(shim.service.typeName, "State", Buffer.alloc(5 * 1024 * 1024)), {
      code: Code.ResourceExhausted,
    });
    await assert.rejects(
      reckless.callRaw(shim.service.typeName, "State", Buffer.from("0a05", "hex")),
      RpcError,
    );
    await assert.rejects(reckless.stream(Streaming, "Stream").receive(), { code: Code.Unimplemented });
    await reckless.call(shim.service, "Connect", { id: shim.id });
    await reckless.close();
  });
});
