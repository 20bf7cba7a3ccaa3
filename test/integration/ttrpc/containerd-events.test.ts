/** Our client towards containerd, which serves `Events.Forward`: ttrpc 1.1 in release 1.6, 1.2 in the others. */
import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { packAny } from "../../../protos/any.ts";
import { Events, TaskOOM, type ForwardRequest } from "../../../protos/gen/events.ts";
import { Streaming } from "../../../protos/gen/streaming.ts";
import { timestampFromDate } from "../../../protos/timestamp.ts";
import { Client, Code, connect } from "../../../shim/ttrpc/index.ts";
import { eachContainerd } from "../../support/each-containerd.ts";
import { until } from "../../support/until.ts";

/** For a client that does not keep to the limit that everybody else keeps to. */
const RECKLESS = { maxMessageLength: 16 * 1024 * 1024 };

function oom(namespace: string, topic: string, containerId: string): ForwardRequest {
  const event = packAny(TaskOOM, { containerId });
  return { envelope: { timestamp: timestampFromDate(new Date()), namespace, topic, event } };
}

eachContainerd("ttrpc client of containerd", {}, (containerd) => {
  let client: Client;

  beforeEach(async () => {
    client = await connect(containerd().ttrpcAddress);
  });

  afterEach(async () => {
    await (client as Client | undefined)?.close();
  });

  it("forwards events, which containerd then tells of", async () => {
    const { namespace } = containerd();
    let told = "";
    const listener = containerd()
      .ctr()
      .start(["events"], { onOutput: (chunk) => (told += chunk.toString()) });
    try {
      // ctr subscribes some time after it was started.
      await until("ctr to tell of an event", async () => {
        await client.call(Events, "Forward", oom(namespace, "/tasks/oom", "heard"), { timeoutMs: 5000 });
        return told.includes('"heard"');
      });
      assert.match(told, new RegExp(`${namespace} /tasks/oom `));
    } finally {
      listener.kill();
      await listener.wait();
    }
  });

  it("forwards many events at once on one connection", async () => {
    const { namespace } = containerd();
    await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        client.call(Events, "Forward", oom(namespace, "/tasks/oom", `crowd-${index}`), { timeoutMs: 30_000 }),
      ),
    );
  });

  it("is told what is wrong with an event", async () => {
    await assert.rejects(client.call(Events, "Forward", oom("no/namespace", "/tasks/oom", "x")), {
      name: "RpcError",
      code: Code.InvalidArgument,
    });
    await assert.rejects(client.call(Events, "Forward", oom(containerd().namespace, "no-topic", "x")), {
      code: Code.InvalidArgument,
    });
  });

  it("is told what is not there", async () => {
    await assert.rejects(client.callRaw(Events.typeName, "Backward", Buffer.alloc(0)), {
      code: Code.Unimplemented,
    });
    await assert.rejects(client.callRaw("test.NoSuchService", "Forward", Buffer.alloc(0)), {
      code: Code.Unimplemented,
    });
    await assert.rejects(client.stream(Streaming, "Stream").receive(), { code: Code.Unimplemented });
  });

  it("keeps the connection after a request that is too long", async () => {
    const reckless = new Client(connectSocket(containerd().ttrpcAddress), RECKLESS);
    const { namespace } = containerd();
    const long = oom(namespace, "/tasks/oom", "x".repeat(5 * 1024 * 1024));
    await assert.rejects(reckless.call(Events, "Forward", long), {
      code: Code.ResourceExhausted,
      message: /^message length \d+ exceed maximum message size of 4194304$/,
    });
    await reckless.call(Events, "Forward", oom(namespace, "/tasks/oom", "x"));
    await reckless.close();
  });

  it("takes a message of nearly the greatest length there is", async () => {
    const longest = oom(containerd().namespace, "/tasks/oom", "x".repeat(4 * 1024 * 1024 - 1024));
    await client.call(Events, "Forward", longest);
  });
});
