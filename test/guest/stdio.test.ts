import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { NULL_CONTAINER_ID } from "../../hcs/guest/protocol.ts";
import { GuestFixture, HostStream } from "../support/guest-fixture.ts";
import { skipWithoutGuest } from "../support/guest-harness.ts";
import { execProcess } from "../support/guest-rootfs.ts";
import { until } from "../support/until.ts";

const LARGE = 8 * 1024 * 1024;

describe("guest: standard streams", function () {
  let guest: GuestFixture;
  /** A container for execs. */
  const HOME = "home";

  before(async function () {
    skipWithoutGuest(this);
    guest = await GuestFixture.boot();
    await guest.run(HOME, { args: ["/bin/sleep", "100000"] });
  });

  after(() => guest?.stop());

  /** A round trip through the guest: what it was going to send before, it has sent. */
  async function settle(): Promise<void> {
    await guest.bridge.must("DumpStacks", { ContainerId: NULL_CONTAINER_ID });
  }

  it("dials stdin, stdout, stderr in this order, before it answers", async () => {
    const listeners = [
      await guest.harness.listen(),
      await guest.harness.listen(),
      await guest.harness.listen(),
    ];
    const [stdin, stdout, stderr] = listeners.map(({ port }) => port);
    const order: (number | "response")[] = [];
    for (const { connection, port } of listeners) {
      void connection.then((socket) => {
        order.push(port);
        socket.resume().end();
      });
    }
    const id = guest.bridge.send("ExecuteProcess", {
      ContainerId: HOME,
      Settings: {
        ProcessParameters: JSON.stringify({
          CreateStdErrPipe: true,
          CreateStdOutPipe: true,
          CreateStdInPipe: true,
          OciProcess: execProcess(["/bin/true"]),
        }),
        VsockStdioRelaySettings: { StdErr: stderr, StdIn: stdin, StdOut: stdout },
      },
    });
    const { body } = await guest.bridge.response(id);
    order.push("response");
    assert.deepEqual(order, [stdin, stdout, stderr, "response"]);
    assert.equal(await guest.exitCode(HOME, Number(body["ProcessId"])), 0);
  });

  it("fails the request when a port is missing or nobody listens there, and closes the others", async () => {
    const stdin = await guest.harness.listen();
    const ended = stdin.connection.then((socket) => once(socket.resume(), "end"));
    const { result, body } = await guest.bridge.call("ExecuteProcess", {
      ContainerId: HOME,
      Settings: {
        ProcessParameters: JSON.stringify({
          CreateStdInPipe: true,
          CreateStdOutPipe: true,
          OciProcess: execProcess(["/bin/true"]),
        }),
        VsockStdioRelaySettings: { StdIn: stdin.port },
      },
    });
    assert.equal(result, 0x80004005);
    assert.match(String(body["ErrorMessage"]), /cannot connect stdout to port 0/);
    await ended;
    (await stdin.connection).destroy();
  });

  for (const kind of ["init", "exec"] as const) {
    it(`withholds the exit of an ${kind} until the host has closed stdout and stderr`, async () => {
      const args = ["/bin/sh", "-c", "echo out; echo err >&2; exit 5"];
      const id = kind === "init" ? "withheld" : HOME;
      const streams = ["stdout", "stderr"] as const;
      const process =
        kind === "init"
          ? await guest.run(id, { args }, streams)
          : await guest.exec(id, execProcess(args), streams);
      const wait = guest.sendWait(id, process.pid);
      assert.equal(await process.stdout?.all(), "out\n");
      assert.equal(await process.stderr?.all(), "err\n");
      await until("the process to be gone", async () => !(await guest.processIds(id)).includes(process.pid));
      await settle();
      assert.equal(guest.bridge.findResponse(wait), undefined);
      process.stdout?.socket.end();
      await once(process.stdout?.socket ?? assert.fail(), "close");
      await settle();
      assert.equal(guest.bridge.findResponse(wait), undefined, "stderr is still open");
      process.stderr?.socket.end();
      assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 5);
      if (kind === "init") await guest.delete(id);
    });
  }

  it("passes the end of stdin on, and lets the process write after it", async () => {
    const process = await guest.exec(HOME, execProcess(["/bin/sh", "-c", "cat; echo after-eof"]), [
      "stdin",
      "stdout",
    ]);
    process.stdin?.end("hello stdin\n");
    assert.equal(await process.stdout?.finish(), "hello stdin\nafter-eof\n");
    assert.equal(await guest.exitCode(HOME, process.pid), 0);
  });

  it("answers a wait although the host leaves stdin open", async () => {
    const process = await guest.exec(HOME, execProcess(["/bin/true"]), ["stdin"]);
    const closed = once(process.stdin ?? assert.fail(), "close");
    process.stdin?.resume();
    assert.equal(await guest.exitCode(HOME, process.pid), 0);
    process.stdin?.end();
    await closed;
  });

  it("gives a process without stdin the end of file", async () => {
    const { stdout, status } = await guest.output(HOME, execProcess(["/bin/sh", "-c", "cat; echo end"]));
    assert.deepEqual({ stdout, status }, { stdout: "end\n", status: 0 });
  });

  it("breaks the host's stdin when the process closes its own", async () => {
    const process = await guest.exec(
      HOME,
      execProcess(["/bin/sh", "-c", "exec <&-; echo closed; sleep 1000"]),
      ["stdin", "stdout"],
    );
    await process.stdout?.until("closed");
    const { stdin } = process;
    assert.ok(stdin);
    // A broken socket reports it or closes; writing is what makes the guest notice.
    const broken = new Promise((resolve) => stdin.once("close", resolve));
    stdin.resume();
    while (!stdin.destroyed && !stdin.readableEnded) {
      stdin.write("into the void");
      await settle();
    }
    stdin.destroy();
    await broken;
    await guest.bridge.must("SignalProcess", { ContainerId: HOME, ProcessId: process.pid });
    await process.stdout?.finish();
    assert.equal(await guest.exitCode(HOME, process.pid), 137);
  });

  it("lets a descendant that holds the output delay the exit of an exec", async () => {
    const script = "(read line < /tmp/gate; echo bye) & exit 4";
    await guest.output(HOME, execProcess(["mkfifo", "/tmp/gate"]));
    const process = await guest.exec(HOME, execProcess(["/bin/sh", "-c", script]), ["stdout"]);
    const wait = guest.sendWait(HOME, process.pid);
    await until("the exec to be gone", async () => !(await guest.processIds(HOME)).includes(process.pid));
    await settle();
    assert.equal(guest.bridge.findResponse(wait), undefined);
    await guest.output(HOME, execProcess(["/bin/sh", "-c", "echo open > /tmp/gate"]));
    assert.equal(await process.stdout?.finish(), "bye\n");
    assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 4);
  });

  it("lets a program open /dev/stdout and /dev/stderr anew", async () => {
    const script = "echo again > /dev/stdout; echo oops > /dev/stderr";
    const user = { uid: 1000, gid: 1000 };
    assert.deepEqual(await guest.output(HOME, execProcess(["/bin/sh", "-c", script], { user })), {
      status: 0,
      stdout: "again\n",
      stderr: "oops\n",
    });
  });

  it("loses nothing of a large output to a slow reader, and stops the process meanwhile", async () => {
    const process = await guest.exec(
      HOME,
      execProcess(["/bin/sh", "-c", `head -c ${LARGE} /dev/zero | tee /dev/stderr`]),
      ["stdout", "stderr"],
    );
    const { stdout, stderr } = process;
    assert.ok(stdout && stderr);
    stdout.socket.pause();
    // While nobody reads stdout, the rest of the pipeline stands still behind it.
    await until("some of stderr", () => stderr.bytes > 0);
    assert.ok(stderr.bytes < LARGE);
    stdout.socket.resume();
    const text = await stdout.finish();
    assert.equal(text.length, LARGE);
    assert.equal(createHash("sha256").update(text, "latin1").digest("hex"), zeros(LARGE));
    assert.equal((await stderr.finish()).length, LARGE);
    assert.equal(await guest.exitCode(HOME, process.pid), 0);
  });

  it("takes a large input", async () => {
    const process = await guest.exec(HOME, execProcess(["sha256sum"]), ["stdin", "stdout"]);
    process.stdin?.end(Buffer.alloc(LARGE));
    assert.equal(await process.stdout?.finish(), `${zeros(LARGE)}  -\n`);
    assert.equal(await guest.exitCode(HOME, process.pid), 0);
  });

  it("discards the output of an exec whose connection the host has closed early", async () => {
    const process = await guest.exec(
      HOME,
      execProcess(["/bin/sh", "-c", `read line; head -c ${LARGE} /dev/zero; exit 6`]),
      ["stdin", "stdout"],
    );
    process.stdout?.socket.destroy();
    process.stdin?.end("go\n");
    assert.equal(await guest.exitCode(HOME, process.pid), 6);
  });

  it("discards the output of an init that nobody asked for", async () => {
    const init = await guest.run("unheard", {
      args: ["/bin/sh", "-c", `head -c ${LARGE} /dev/zero; exit 6`],
    });
    assert.equal(await guest.exitCode("unheard", init.pid), 6);
    await guest.delete("unheard");
  });

  describe("of an init whose connection broke", () => {
    const SCRIPT = "while read line; do echo $line; done; echo end; exit 3";

    it("dials the same port again, replays, and goes on", async () => {
      const init = await guest.run("replay", { args: ["/bin/sh", "-c", SCRIPT] }, ["stdin", "stdout"]);
      init.stdin?.write("first\n");
      await init.stdout?.until("first\n");
      const port = guest.harness.lastPort;
      const again = await guest.harness.listen(port);
      const output = again.connection.then((socket) => new HostStream(socket));
      init.stdout?.socket.destroy();
      init.stdin?.write("second\n");
      const stdout = await output;
      await stdout.until("first\nsecond\n");
      init.stdin?.end("third\n");
      assert.equal(await stdout.finish(), "first\nsecond\nthird\nend\n");
      assert.equal(await guest.exitCode("replay", init.pid), 3);
      await guest.delete("replay");
    });

    it("never reports the exit while nobody listens, until the container is deleted", async () => {
      const init = await guest.run("silent", { args: ["/bin/sh", "-c", SCRIPT] }, ["stdin", "stdout"]);
      const wait = guest.sendWait("silent", init.pid);
      init.stdout?.socket.destroy();
      init.stdin?.end("lost\n");
      await until("init to be gone", async () => (await guest.processIds("silent")).length === 0);
      const shutdown = await guest.bridge.call("ShutdownForced", { ContainerId: "silent" });
      assert.equal(shutdown.result, 0xc0370110);
      assert.equal(guest.bridge.findResponse(wait), undefined);
      await guest.delete("silent");
      assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 3);
    });

    it("gives up when the container is shut down while it runs", async () => {
      const init = await guest.run("given-up", { args: ["/bin/sh", "-c", SCRIPT] }, ["stdin", "stdout"]);
      const wait = guest.sendWait("given-up", init.pid);
      init.stdout?.socket.destroy();
      init.stdin?.write("lost\n");
      await settle();
      await guest.bridge.must("ShutdownForced", { ContainerId: "given-up" });
      assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 137);
      init.stdin?.destroy();
      await guest.delete("given-up");
    });
  });

  describe("over a terminal", () => {
    it("is one stream each way, can be resized, and needs no closing", async () => {
      const init = await guest.run("tty", { args: ["/bin/sh"], terminal: true }, ["stdin", "stdout"]);
      const { stdin, stdout } = init;
      assert.ok(stdin && stdout);
      stdin.write("tty\n");
      await stdout.until("/dev/pts/0");
      await guest.bridge.must("ResizeConsole", {
        ContainerId: "tty",
        ProcessId: init.pid,
        Height: 50,
        Width: 160,
      });
      stdin.write("stty size\n");
      await stdout.until("50 160");
      stdin.write("exit 4\n");
      assert.equal(await guest.exitCode("tty", init.pid), 4);
      await stdout.finish();
      await guest.delete("tty");
    });

    it("closes a standard error that was asked for at once", async () => {
      const process = await guest.exec(HOME, execProcess(["/bin/cat"], { terminal: true }), [
        "stdin",
        "stderr",
      ]);
      assert.equal(await process.stderr?.finish(), "");
      assert.ok((await guest.processIds(HOME)).includes(process.pid));
      await guest.bridge.must("SignalProcess", { ContainerId: HOME, ProcessId: process.pid });
      assert.equal(await guest.exitCode(HOME, process.pid), 137);
      process.stdin?.destroy();
    });

    it("does not end with the host's stdin", async () => {
      const process = await guest.exec(HOME, execProcess(["/bin/sh"], { terminal: true }), [
        "stdin",
        "stdout",
      ]);
      process.stdin?.end("echo ty''ped\n");
      await process.stdout?.until("typed");
      await settle();
      assert.ok((await guest.processIds(HOME)).includes(process.pid));
      await guest.bridge.must("SignalProcess", { ContainerId: HOME, ProcessId: process.pid });
      assert.equal(await guest.exitCode(HOME, process.pid), 137);
    });

    it("delivers all output of a program that ends at once, to a slow reader too", async () => {
      const script = `i=0; while [ $i -lt 2000 ]; do echo "line $i of many"; i=$((i+1)); done`;
      const process = await guest.exec(HOME, execProcess(["/bin/sh", "-c", script], { terminal: true }), [
        "stdout",
      ]);
      process.stdout?.socket.pause();
      await settle();
      process.stdout?.socket.resume();
      const lines = ((await process.stdout?.finish()) ?? "").trimEnd().split("\r\n");
      assert.equal(lines.length, 2000);
      assert.equal(lines.at(-1), "line 1999 of many");
      assert.equal(await guest.exitCode(HOME, process.pid), 0);
    });

    it("refuses to resize what is no terminal", async () => {
      const process = await guest.exec(HOME, execProcess(["/bin/sleep", "1000"]));
      const size = { Height: 1, Width: 1 };
      const { result } = await guest.bridge.call("ResizeConsole", {
        ContainerId: HOME,
        ProcessId: process.pid,
        ...size,
      });
      assert.equal(result, 0x80004005);
      await guest.bridge.must("SignalProcess", {
        ContainerId: HOME,
        ProcessId: process.pid,
        Options: { Signal: 15 },
      });
      assert.equal(await guest.exitCode(HOME, process.pid), 143);
    });
  });
});

function zeros(length: number): string {
  return createHash("sha256").update(Buffer.alloc(length)).digest("hex");
}
