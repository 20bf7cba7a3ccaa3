import assert from "node:assert/strict";
import { NULL_CONTAINER_ID } from "../../hcs/guest/protocol.ts";
import { GuestFixture } from "../support/guest-fixture.ts";
import { skipWithoutGuest } from "../support/guest-harness.ts";
import { execProcess } from "../support/guest-rootfs.ts";
import { until } from "../support/until.ts";

describe("guest: processes", function () {
  let guest: GuestFixture;
  const HOME = "home";

  before(async function () {
    skipWithoutGuest(this);
    guest = await GuestFixture.boot();
    await guest.run(HOME, { args: ["/bin/sleep", "100000"] });
  });

  after(() => guest?.stop());

  describe("WaitForProcess", () => {
    it("forgets an exec once its exit has been told", async () => {
      const { pid } = await guest.exec(HOME, execProcess(["/bin/sh", "-c", "exit 7"]));
      assert.equal(await guest.exitCode(HOME, pid), 7);
      const { bridge } = guest;
      assert.equal((await bridge.response(guest.sendWait(HOME, pid))).result, 0x80070490);
      assert.equal(
        (await bridge.call("SignalProcess", { ContainerId: HOME, ProcessId: pid })).result,
        0x80070490,
      );
    });

    it("tells everybody who was waiting", async () => {
      const { pid, stdin } = await guest.exec(HOME, execProcess(["/bin/cat"]), ["stdin"]);
      const waits = [1, 2, 3].map(() => guest.sendWait(HOME, pid));
      stdin?.end();
      for (const wait of waits) assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 0);
    });

    it("gives up after its timeout, and can be repeated", async () => {
      const { pid, stdin } = await guest.exec(HOME, execProcess(["/bin/cat"]), ["stdin"]);
      assert.equal((await guest.bridge.response(guest.sendWait(HOME, pid, 20))).result, 0xc0370109);
      stdin?.end();
      assert.equal(await guest.exitCode(HOME, pid), 0);
    });

    it("does not know processes it did not start, or containers", async () => {
      assert.equal((await guest.bridge.response(guest.sendWait(HOME, 4242))).result, 0x80070490);
      assert.equal((await guest.bridge.response(guest.sendWait("nobody", 1))).result, 0xc037010e);
    });

    for (const [script, status] of [
      ["exit 0", 0],
      ["exit 255", 255],
      ["kill -TERM $$", 143],
      ["kill -SEGV $$", 139],
    ] as const) {
      it(`reports ${status} for ${JSON.stringify(script)}`, async () => {
        const { pid } = await guest.exec(HOME, execProcess(["/bin/sh", "-c", script]));
        assert.equal(await guest.exitCode(HOME, pid), status);
      });
    }
  });

  describe("SignalProcess", () => {
    it("delivers the number it is given, and kills without one", async () => {
      const script = "trap 'echo usr1' USR1; echo up; while :; do read -t 1 x; done";
      const { pid, stdout } = await guest.exec(HOME, execProcess(["/bin/sh", "-c", script]), [
        "stdin",
        "stdout",
      ]);
      await stdout?.until("up");
      await guest.bridge.must("SignalProcess", {
        ContainerId: HOME,
        ProcessId: pid,
        Options: { Signal: 10 },
      });
      await stdout?.until("usr1");
      await guest.bridge.must("SignalProcess", { ContainerId: HOME, ProcessId: pid });
      await stdout?.finish();
      assert.equal(await guest.exitCode(HOME, pid), 137);
    });

    it("refuses signals that do not exist, and processes that do not", async () => {
      const call = async (ContainerId: string, ProcessId: number, Signal: number): Promise<number> =>
        (await guest.bridge.call("SignalProcess", { ContainerId, ProcessId, Options: { Signal } })).result;
      const [init = 0] = await guest.processIds(HOME);
      assert.equal(await call(HOME, init, 99), 0x80070057);
      assert.equal(await call(HOME, 999_999, 15), 0x80070490);
      assert.equal(await call("nobody", init, 15), 0xc037010e);
    });
  });

  describe("an exec", () => {
    it("fails with runc's text for a program that does not exist, before it has a pid", async () => {
      const { response } = await guest.tryExecute(HOME, { OciProcess: execProcess(["/nope"]) }, ["stdout"]);
      assert.equal(response.result, 0x80004005);
      assert.match(
        String(response.body["ErrorMessage"]),
        /exec: "\/nope": stat \/nope: no such file or directory/,
      );
      const [record] = response.body["ErrorRecords"] as Record<string, unknown>[];
      assert.deepEqual(record, {
        Result: 0x80004005 | 0,
        Message: response.body["ErrorMessage"],
        ModuleName: "gcs",
        FileName: "",
        Line: 4294967295,
      });
    });

    it("resolves the user it names in the container's files", async () => {
      const id = async (username: string): Promise<string> => {
        const user = { uid: 0, gid: 0, username };
        return (await guest.output(HOME, execProcess(["/bin/sh", "-c", "id -u; id -g"], { user }))).stdout;
      };
      assert.equal(await id("app"), "1000\n1000\n");
      assert.equal(await id("app:staff"), "1000\n50\n");
      assert.equal(await id("4711"), "4711\n0\n");
      const user = { uid: 0, gid: 0, username: "nobody9" };
      const { response } = await guest.tryExecute(HOME, { OciProcess: execProcess(["/bin/id"], { user }) });
      assert.equal(response.result, 0x80004005);
    });

    it("runs as the container's named user, with its limits, unless it says otherwise", async () => {
      await guest.run("named", {
        args: ["/bin/sleep", "1000"],
        annotations: {
          "io.kubernetes.cri.container-type": "sandbox",
          "io.microsoft.lcow.rlimitcore": "1024;2048",
        },
        extra: {
          process: {
            user: { uid: 0, gid: 0, username: "app" },
            args: ["/bin/sleep", "1000"],
            env: [],
            cwd: "/",
            rlimits: [{ type: "RLIMIT_FSIZE", hard: 2n ** 64n - 1n, soft: 2n ** 64n - 1n }],
          },
        },
      });
      const script =
        "id -u; grep -E '^Max (core|file size)' /proc/self/limits | tr -s ' ' | cut -d ' ' -f 2-7";
      const { stdout } = await guest.output("named", execProcess(["/bin/sh", "-c", script], { user: {} }));
      assert.deepEqual(stdout.split("\n"), [
        "1000",
        "file size unlimited unlimited bytes ",
        "core file size 1024 2048 bytes",
        "",
      ]);
      const [init = 0] = await guest.processIds("named");
      await guest.bridge.must("SignalProcess", { ContainerId: "named", ProcessId: init });
      await guest.exitCode("named", init);
      await guest.delete("named");
    });

    it("is refused in a stopped container", async () => {
      const init = await guest.run("over", { args: ["/bin/true"] });
      await guest.exitCode("over", init.pid);
      const { response } = await guest.tryExecute("over", { OciProcess: execProcess(["/bin/true"]) });
      assert.equal(response.result, 0xc0370110);
      await guest.delete("over");
    });
  });

  describe("a process of the VM", () => {
    it("runs in the worker's namespaces, with the host's connections as its streams", async () => {
      const process = await guest.execute(
        NULL_CONTAINER_ID,
        {
          CommandArgs: ["/bin/sh", "-c", "echo hi $FOO; pwd; cat; exit 5"],
          WorkingDirectory: "/run",
          Environment: { FOO: "bar" },
        },
        ["stdin", "stdout", "stderr"],
      );
      process.stdin?.end("data");
      assert.equal(await process.stdout?.all(), "hi bar\n/run\ndata");
      // The host has closed nothing.
      assert.equal(await guest.exitCode(NULL_CONTAINER_ID, process.pid), 5);
      for (const stream of [process.stdout, process.stderr]) stream?.socket.destroy();
      const again = guest.sendWait(NULL_CONTAINER_ID, process.pid, 10);
      assert.equal((await guest.bridge.response(again)).result, 0x80070490);
    });

    it("gets a terminal of its own with EmulateConsole", async () => {
      const process = await guest.execute(
        NULL_CONTAINER_ID,
        { CommandLine: '/bin/sh -c "tty; read line; echo got $line; exit 3"', EmulateConsole: true },
        ["stdin", "stdout"],
      );
      await process.stdout?.until("/dev/pts/");
      const ContainerId = NULL_CONTAINER_ID;
      const size = { Height: 40, Width: 132 };
      const { bridge } = guest;
      assert.equal(
        (await bridge.call("ResizeConsole", { ContainerId, ProcessId: process.pid, ...size })).result,
        0xc037010e,
      );
      assert.equal(
        (await bridge.call("SignalProcess", { ContainerId, ProcessId: process.pid })).result,
        0xc037010e,
      );
      process.stdin?.write("input\n");
      await process.stdout?.until("got input");
      assert.equal(await guest.exitCode(NULL_CONTAINER_ID, process.pid), 3);
      process.stdin?.destroy();
    });

    it("fails for a program or a directory that does not exist", async () => {
      for (const parameters of [
        { CommandArgs: ["/nope"] },
        { CommandArgs: ["nope"] },
        { CommandArgs: ["/bin/true"], WorkingDirectory: "/nope" },
        { CommandLine: "echo 'open" },
        {},
      ]) {
        const { response } = await guest.tryExecute(NULL_CONTAINER_ID, parameters, ["stdout"]);
        assert.equal(response.result, 0x80004005, JSON.stringify(parameters));
      }
    });

    it("inherits nothing of the worker but its streams", async () => {
      // Its standard error; the others are a pipe and /dev/null.
      const { stdout } = await guest.inVm("ls -l /proc/self/fd | grep -c socket:");
      assert.equal(stdout, "1\n");
    });
  });

  it("collects orphans, and what containers leave to it", async () => {
    await guest.inVm("(sleep 0.05 &) ; (true &)");
    const init = await guest.run("parents", {
      args: ["/bin/sh", "-c", "(true &) ; (sleep 0.05 &) ; sleep 0.1"],
      extra: { linux: { namespaces: [{ type: "mount" }] } },
    });
    await guest.exitCode("parents", init.pid);
    // A zombie of the worker is one that only the worker could collect.
    const zombies = "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | grep -c '^Z 1 '";
    await until("no zombies of the worker", async () => (await guest.inVm(zombies)).stdout === "0\n");
    await guest.delete("parents");
  });

  it("describes itself for people", async () => {
    const { GuestStacks } = await guest.bridge.must("DumpStacks", { ContainerId: NULL_CONTAINER_ID });
    assert.match(String(GuestStacks), /^container home: standalone of home, running, init \d+$/m);
    assert.match(String(GuestStacks), /^ {2}process \d+: S sleep, in /m);
  });
});
