import assert from "node:assert/strict";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { ENTROPY_BYTES, serveEntropy } from "../../../../hcs/guest/entropy.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";
import { TestSockets } from "./sockets.ts";

const SERVICE = vsockServiceId(LINUX_GUEST_PORT.entropy);

describe("serveEntropy", () => {
  let sockets: TestSockets;

  beforeEach(() => {
    sockets = new TestSockets();
  });

  afterEach(() => sockets.dispose());

  it("gives each guest 512 bytes of its own, then closes connection and listener", async () => {
    const seen: Buffer[] = [];
    for (let boot = 0; boot < 2; boot++) {
      const served = serveEntropy(await sockets.listen(SERVICE), { guest: "vm" });
      const socket = await sockets.dial(LINUX_GUEST_PORT.entropy);
      const bytes = await buffer(socket);
      await served;
      assert.equal(bytes.length, ENTROPY_BYTES);
      seen.push(bytes);
      assert.deepEqual(sockets.open, []);
    }
    assert.notDeepEqual(seen[0], seen[1]);
  });

  it("rejects and closes the listener when no guest comes in time", async () => {
    const budget = new AbortController();
    const served = serveEntropy(await sockets.listen(SERVICE), { guest: "vm", signal: budget.signal });
    budget.abort();
    await assert.rejects(served, { name: "AbortError" });
    assert.deepEqual(sockets.open, []);
  });

  it("lets go of everything when the guest hangs up early", async () => {
    const served = serveEntropy(await sockets.listen(SERVICE), { guest: "vm" });
    const socket = await sockets.dial(LINUX_GUEST_PORT.entropy);
    socket.destroy();
    await once(socket, "close");
    await served.catch((error: NodeJS.ErrnoException) => assert.match(error.code ?? "", /EPIPE|ECONNRESET/));
    assert.deepEqual(sockets.open, []);
  });
});
