import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAny, unpackAny } from "../../../../protos/any.ts";
import { TaskExit } from "../../../../protos/gen/events.ts";
import { Any } from "../../../../protos/gen/google.ts";
import type { Envelope } from "../../../../protos/gen/types.ts";
import { PublishBinaryTransport } from "../../../../shim/events/publish-binary.ts";
import { TtrpcTransport } from "../../../../shim/events/ttrpc-transport.ts";
import { eventTransport } from "../../../../shim/events/transport.ts";
import { until } from "../../../support/until.ts";

describe("PublishBinaryTransport", () => {
  let directory: string;
  const forever = new AbortController().signal;
  const envelope: Envelope = {
    timestamp: undefined,
    namespace: "k8s.io",
    topic: "/tasks/exit",
    event: packAny(TaskExit, { containerId: "web", exitStatus: 3 }),
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "publish-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const containerd = async (script: string): Promise<PublishBinaryTransport> => {
    const executable = join(directory, "containerd");
    await writeFile(executable, `#!/bin/sh\ncd "${directory}"\n${script}\n`);
    await chmod(executable, 0o755);
    return new PublishBinaryTransport({ executable, address: "/run/c.sock" });
  };

  it("hands the event to containerd's publish command", async () => {
    const transport = await containerd('printf "%s " "$@" >args\ncat >event');
    await transport.forward(envelope, forever);
    assert.equal(
      await readFile(join(directory, "args"), "utf8"),
      "--address /run/c.sock publish --namespace k8s.io --topic /tasks/exit ",
    );
    const any = Any.decode(await readFile(join(directory, "event")));
    assert.equal(any.typeUrl, "containerd.events.TaskExit");
    assert.equal(unpackAny(any, TaskExit)!.exitStatus, 3);
    await transport.close();
  });

  it("fails, to be tried again, with what the command says", async () => {
    const transport = await containerd('echo "ctr: connection refused" >&2\nexit 1');
    await assert.rejects(transport.forward(envelope, forever), {
      name: "EventRefusedError",
      final: false,
      message: /publish" ended with status 1: ctr: connection refused$/,
    });
  });

  it("fails for good when there is no such command", async () => {
    const transport = new PublishBinaryTransport({ executable: "/nowhere/containerd", address: "" });
    await assert.rejects(transport.forward(envelope, forever), {
      name: "EventRefusedError",
      final: true,
      message: /ENOENT/,
    });
  });

  it("kills a command that takes too long", async () => {
    const transport = await containerd('echo "$$" >pid\nexec sleep 1000');
    const attempt = new AbortController();
    const forwarding = transport.forward(envelope, attempt.signal);
    const refused = assert.rejects(forwarding, /attempt ran out of time/);
    const pid = await until("the command to run", async () => {
      return Number(await readFile(join(directory, "pid"), "utf8")) || undefined;
    });
    attempt.abort(new Error("attempt ran out of time"));
    await refused;
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });
});

describe("eventTransport", () => {
  const options = { containerd: "/run/c.sock", publishBinary: "/usr/bin/containerd" };

  it("prefers the ttrpc socket that containerd names", () => {
    assert.ok(
      eventTransport({ ...options, environment: { TTRPC_ADDRESS: "/run/c.sock.ttrpc" } }) instanceof
        TtrpcTransport,
    );
  });

  it("falls back to the publish command", () => {
    assert.ok(eventTransport({ ...options, environment: {} }) instanceof PublishBinaryTransport);
  });
});
