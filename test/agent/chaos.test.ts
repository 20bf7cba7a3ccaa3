/** Connections that break, callers that leave, VMs that crash: everybody learns of it, and nothing hangs. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { HvSocket } from "../../hcs/api.ts";
import type { IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";
import { AgentError } from "../../shim/agent/protocol/errors.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { AgentFixture } from "../support/agent-fixture.ts";

const MIB = 1 << 20;

/** The same sockets; what was connected can be counted and broken. */
class WatchedSockets implements Pick<HvSocket, "connect"> {
  readonly #hvSocket: HvSocket;
  readonly streams: Duplex[] = [];

  constructor(hvSocket: HvSocket) {
    this.#hvSocket = hvSocket;
  }

  connect: HvSocket["connect"] = async (address, options) => {
    const stream = await this.#hvSocket.connect(address, options);
    this.streams.push(stream);
    return stream;
  };

  breakLast(): void {
    this.streams.at(-1)?.destroy();
  }
}

describe("agents of containers in trouble", function () {
  this.timeout(90_000);
  let fixture: AgentFixture;

  beforeEach(async function () {
    if (emulatorObstacle() !== undefined) this.skip();
    fixture = await AgentFixture.create();
  });
  afterEach(() => fixture?.close());

  async function watched(id: string): Promise<{ container: IsolatedContainer; sockets: WatchedSockets }> {
    await fixture.start(id);
    const { backend } = fixture.under;
    const sockets = new WatchedSockets(backend.hvSocket);
    const hvSocket = sockets as unknown as HvSocket;
    const container = await fixture.open(id, {
      backend: { computeSystems: backend.computeSystems, hvSocket },
    });
    return { container, sockets };
  }

  function makeFile(name: string, size: number): { path: string; digest: string } {
    const path = join(fixture.makeDirectory("files"), name);
    const bytes = randomBytes(size);
    writeFileSync(path, bytes);
    return { path, digest: createHash("sha256").update(bytes).digest("hex") };
  }

  it("two sessions of one pod work at the same time, and do not meet", async () => {
    await fixture.start("pod", { pod: "pod" });
    const sessions = await Promise.all(["one", "two"].map((id) => fixture.startAndOpen(id, { pod: "pod" })));
    const said = await Promise.all(
      sessions.flatMap((container, index) =>
        Array.from({ length: 4 }, async (_, job) => {
          let text = "";
          const source = fixture.makeDirectory(`s${index}-${job}`, { me: `${index}/${job}` });
          await container.exec({
            ...{ execId: `same-${job}`, argv: ["cat", "me"], source },
            onOutput: (_stream, bytes) => void (text += Buffer.from(bytes).toString()),
          });
          return text;
        }),
      ),
    );
    assert.deepEqual(said, ["0/0", "0/1", "0/2", "0/3", "1/0", "1/1", "1/2", "1/3"]);
  });

  it("a copy whose connection breaks goes on where it was", async () => {
    const { container, sockets } = await watched("copy");
    const { path, digest } = makeFile("big", 48 * MIB);
    let sent = 0;
    let resumed = 0;
    await container.put(path, "/in", {
      onProgress: (bytes) => {
        sent += bytes;
        if (sent > 24 * MIB && resumed === 0 && sockets.streams.length === 1) sockets.breakLast();
      },
      onResume: () => void (resumed += 1),
    });
    assert.equal(resumed, 1);
    assert.ok(sent < 60 * MIB, `${sent} bytes were sent for 48 MiB: it did not go on but began again`);
    const target = join(fixture.directory, "back");
    let received = 0;
    await container.get("/in", target, {
      onProgress: (bytes) => {
        received += bytes;
        if (received > 24 * MIB && sockets.streams.length === 2) sockets.breakLast();
      },
      onResume: () => void (resumed += 1),
    });
    assert.equal(resumed, 2);
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(target, "big")))
        .digest("hex"),
      digest,
    );
    assert.deepEqual(readdirSync(target), ["big"]);
    assert.equal(container.state, "running");
  });

  it("a caller that leaves in the middle of a copy leaves nothing that looks complete", async () => {
    const container = await fixture.startAndOpen("left");
    const { path } = makeFile("big", 32 * MIB);
    const controller = new AbortController();
    await assert.rejects(
      container.put(path, "/in", {
        signal: controller.signal,
        onProgress: () => controller.abort(new Error("no more")),
      }),
      /no more/,
    );
    let listed = "";
    await container.exec({
      argv: ["ls", "/in"],
      onOutput: (_stream, bytes) => void (listed += Buffer.from(bytes).toString()),
    });
    assert.equal(listed, "");
  });

  it("a VM that crashes in the middle of a copy is dead before anybody hears of it, and is not dialled again", async () => {
    const { container, sockets } = await watched("crash");
    const { path } = makeFile("big", 64 * MIB);
    const output = fixture.makeDirectory("crash-out");
    const jobs = [1, 2, 3].map((job) =>
      container.exec({ execId: `job-${job}`, argv: ["sleep", "1000"], output: join(output, String(job)) }),
    );
    for (const job of jobs) job.catch(() => undefined);
    let crashed = false;
    const copy = container.put(path, "/in", {
      onProgress: () => {
        if (crashed) return;
        crashed = true;
        fixture.crash("crash");
      },
    });
    const states: string[] = [];
    const failures = await Promise.all(
      [...jobs, copy].map((work) =>
        work.then(
          () => undefined,
          (error: unknown) => {
            states.push(container.state);
            return error;
          },
        ),
      ),
    );
    for (const failure of failures) assert.ok(failure instanceof AgentError, String(failure));
    assert.ok(
      states.every((state) => state !== "running"),
      states.join(" "),
    );
    const notice = await container.died;
    assert.equal(notice.planned, false);
    const dialled = sockets.streams.length;
    await assert.rejects(container.exec({ argv: ["true"] }), /container "crash" is gone/);
    assert.equal(sockets.streams.length, dialled);
    assert.deepEqual(
      [1, 2, 3].flatMap((job) => readdirSync(join(output, String(job)))),
      [],
    );
  });

  it("an agent that ends at once is told of with its exit code, not after the time for dialling", async () => {
    const broken = await AgentFixture.create({ "agent.program": "/bin/false" });
    try {
      await broken.start("broken");
      await assert.rejects(
        broken.open("broken"),
        /container "broken" has ended: its first process exited with 1/,
      );
    } finally {
      await broken.close();
    }
  });

  it("jobs and orphans end with their exec, and process 1 leaves no zombies", async () => {
    const container = await fixture.startAndOpen("reaper");
    const script = "for i in 1 2 3; do (setsid sleep 1000 &) ; done; (true &); exit 0";
    await container.exec({ argv: ["sh", "-c", script] });
    let seen = "";
    await container.exec({
      argv: ["sh", "-c", "ps -o pid,stat,comm"],
      onOutput: (_stream, bytes) => void (seen += Buffer.from(bytes).toString()),
    });
    assert.ok(!seen.includes("sleep"), seen);
    assert.ok(!/\bZ\b/.test(seen), seen);
  });
});
