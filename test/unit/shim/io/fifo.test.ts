import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openStdio } from "../../../../shim/io/stdio.ts";
import type { UpstreamStdio } from "../../../../shim/io/upstream.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { turnsOfTheLoop } from "../../../support/turns.ts";
import { until } from "../../../support/until.ts";
import { happened, openOptions, requestOf, Workbench } from "./client.ts";

const execute = promisify(execFile);

describe("openFifos", () => {
  let bench: Workbench;
  let upstream: UpstreamStdio | undefined;

  beforeEach(async () => {
    bench = await Workbench.make();
  });
  afterEach(async () => {
    await upstream?.close();
    upstream = undefined;
    await bench.remove();
  });

  const open = async (init: Parameters<typeof requestOf>[0]): Promise<UpstreamStdio> => {
    upstream = await openStdio(requestOf(init), openOptions());
    return upstream;
  };

  it("opens each stream that has a path, and no other", async () => {
    const { stdin, stdout, stderr, paths } = await open({ stdout: bench.fifo("out") });
    assert.deepEqual([stdin, typeof stdout, stderr], [undefined, "object", undefined]);
    assert.deepEqual(paths, { stdin: "", stdout: join(bench.path, "out"), stderr: "" });
  });

  it("reads fifo:// as the path behind it", async () => {
    const path = bench.fifo("out");
    const { stdout } = await open({ stdout: `fifo://${path}` });
    const reader = bench.reader(path);
    stdout!.end("hello");
    assert.equal(String(await reader.rest()), "hello");
  });

  it("takes a FIFO's name as it is, percent signs included", async () => {
    const path = bench.fifo("50%25-out");
    const { stdout } = await open({ stdout: path });
    const reader = bench.reader(path);
    stdout!.end("x");
    assert.equal(String(await reader.rest()), "x");
  });

  describe("outputs", () => {
    it("can be opened and written before the client has come", async () => {
      const path = bench.fifo("out");
      const { stdout } = await open({ stdout: path });
      stdout!.write("early");
      const reader = bench.reader(path);
      stdout!.end();
      assert.equal(String(await reader.rest()), "early");
    });

    it("give a client that is there end of file at once, and let go of the FIFO", async () => {
      const path = bench.fifo("out");
      const reader = bench.reader(path);
      const { stdout } = await open({ stdout: path });
      stdout!.end("bye");
      assert.equal(String(await reader.rest()), "bye");
      assert.deepEqual(bench.openDescriptors(), []);
    });

    it("wait for a client that went away, and give the rest to the one that comes back", async () => {
      const path = bench.fifo("out");
      const first = bench.reader(path);
      const { stdout } = await open({ stdout: path });
      const sent = Buffer.alloc(512 * 1024, "0123456789abcde\n");
      let failure: unknown;
      stdout!.on("error", (error) => (failure = error));
      stdout!.end(sent);
      // A multiple of the pipe's page size leaves nothing in the first client's own buffer.
      const before = await first.take(64 * 1024);
      const read = Buffer.concat([before, (first.socket.read() as Buffer | null) ?? Buffer.alloc(0)]);
      first.socket.destroy();
      await happened(first.socket, "close");
      const after = await bench.reader(path).rest();
      assert.equal(failure, undefined, "a client that is away is no error");
      assert.equal(read.length + after.length, sent.length);
      assert.ok(Buffer.concat([read, after]).equals(sent), "not a byte lost or repeated");
    });

    describe("that end while the client is away", () => {
      // Opens as containerd does: waits in open until there is a writer, then reads to the end of file.
      const comeBack = (path: string): Promise<string> =>
        execute("cat", [path], { timeout: 8_000 }).then(({ stdout }) => stdout);

      const untilReleased = (clock: ManualClock): Promise<unknown> =>
        until("the FIFO to be let go of", async () => {
          await clock.advance(1_000);
          return bench.openDescriptors().length === 0;
        });

      it("are read by the client that comes back, and end then", async () => {
        const clock = new ManualClock();
        const path = bench.fifo("out");
        upstream = await openStdio(requestOf({ stdout: path }), openOptions({ clock }));
        upstream.stdout!.end("last words");
        await happened(upstream.stdout!, "close");
        const output = comeBack(path);
        await untilReleased(clock);
        assert.equal(await output, "last words");
        assert.deepEqual(clock.pending, [], "nothing is looked for any more");
      });

      it("are read although the client has removed their name", async () => {
        const clock = new ManualClock();
        const path = bench.fifo("out");
        upstream = await openStdio(requestOf({ stdout: path }), openOptions({ clock }));
        await rename(path, `${path}-moved`);
        upstream.stdout!.end("still there");
        await happened(upstream.stdout!, "close");
        const output = comeBack(`${path}-moved`);
        await untilReleased(clock);
        assert.equal(await output, "still there");
      });

      it("are given up on close", async () => {
        const clock = new ManualClock();
        upstream = await openStdio(requestOf({ stdout: bench.fifo("out") }), openOptions({ clock }));
        upstream.stdout!.end("nobody cares");
        await happened(upstream.stdout!, "close");
        assert.deepEqual(bench.openDescriptors(), ["out"]);
        await upstream.close();
        assert.deepEqual(bench.openDescriptors(), []);
        assert.deepEqual(clock.pending, []);
      });
    });
  });

  describe("stdin", () => {
    it("does not end before the first client has come", async () => {
      const path = bench.fifo("in");
      const { stdin } = await open({ stdin: path });
      const seen = collect(stdin!);
      await turnsOfTheLoop();
      assert.equal(seen.ended, false);
      (await bench.writer(path)).write("first");
      await until("input", () => seen.text === "first");
    });

    it("does not end when one client goes and another comes", async () => {
      const path = bench.fifo("in");
      const { stdin } = await open({ stdin: path });
      const seen = collect(stdin!);
      const first = await bench.writer(path);
      first.end("one,");
      await happened(first, "close");
      await until("the first client's input", () => seen.text === "one,");
      await turnsOfTheLoop();
      assert.equal(seen.ended, false);
      (await bench.writer(path)).write("two");
      await until("the second client's input", () => seen.text === "one,two");
    });

    it("ends after closeStdin when the client closes its end, too", async () => {
      const path = bench.fifo("in");
      const { stdin, closeStdin } = await open({ stdin: path });
      const seen = collect(stdin!);
      const client = await bench.writer(path);
      closeStdin();
      client.write("still ");
      await until("input after closeStdin", () => seen.text === "still ");
      assert.equal(seen.ended, false, "the client holds it open");
      client.end("here");
      await until("end of input", () => seen.ended);
      assert.equal(seen.text, "still here");
    });

    it("ends at once on closeStdin when no client has it open, after what was written", async () => {
      const path = bench.fifo("in");
      const { stdin, closeStdin } = await open({ stdin: path });
      stdin!.read(0);
      const client = await bench.writer(path);
      client.end("left behind");
      await happened(client, "close");
      closeStdin();
      closeStdin();
      const seen = collect(stdin!);
      await until("end of input", () => seen.ended);
      assert.equal(seen.text, "left behind");
    });

    it("is not opened before it is read: a client's copy must not end before its call has returned", async () => {
      const path = bench.fifo("in");
      const { stdin, closeStdin } = await open({ stdin: path });
      await turnsOfTheLoop();
      assert.deepEqual(bench.openDescriptors(), []);
      // What the client does when its copy ends, before the process was started.
      closeStdin();
      const seen = collect(stdin!);
      (await bench.writer(path)).end("short input");
      await until("end of input", () => seen.ended);
      assert.equal(seen.text, "short input");
    });

    it("can be closed before it was read", async () => {
      const { stdin, close } = await open({ stdin: bench.fifo("in") });
      await close();
      assert.equal(stdin!.destroyed, true);
      assert.deepEqual(bench.openDescriptors(), []);
    });
  });

  it("ignores a terminal's stderr", async () => {
    const { stderr } = await open({ terminal: true, stdout: bench.fifo("out"), stderr: "/does/not/exist" });
    assert.equal(stderr, undefined);
  });

  it("appends to a path that is a file, and reads one", async () => {
    const log = join(bench.path, "log");
    const input = join(bench.path, "input");
    await writeFile(log, "old\n");
    await writeFile(input, "typed");
    const { stdin, stdout } = await open({ stdin: input, stdout: log });
    const seen = collect(stdin!);
    stdout!.end("new\n");
    await happened(stdout!, "close");
    await until("end of input", () => seen.ended);
    assert.equal(await readFile(log, "utf8"), "old\nnew\n");
    assert.equal(seen.text, "typed");
  });

  it("writes to a device", async () => {
    const { stdout } = await open({ stdout: "/dev/null" });
    stdout!.end("x");
    await happened(stdout!, "close");
  });

  const refused: [what: string, init: Parameters<typeof requestOf>[0], error: RegExp][] = [
    [
      "a path that does not exist",
      { stdout: "/nowhere/out" },
      /^cannot open stdout "\/nowhere\/out": ENOENT/,
    ],
    [
      "a relative path",
      { stdin: "in", stdout: "/dev/null" },
      /^cannot open stdin "in": not an absolute path$/,
    ],
    ["a directory", { stdout: "/tmp" }, /^cannot open stdout "\/tmp": EISDIR/],
  ];
  for (const [what, init, message] of refused) {
    it(`refuses ${what}, naming field and value`, async () => {
      await assert.rejects(open(init), { name: "StdioError", message });
    });
  }

  it("leaves nothing open when one of three fails", async () => {
    await assert.rejects(open({ stdin: bench.fifo("in"), stdout: bench.fifo("out"), stderr: "/nowhere" }));
    await until("descriptors to be closed", () => bench.openDescriptors().length === 0);
  });

  it("leaves nothing open after close, whatever was under way", async () => {
    const { stdin, stdout } = await open({
      stdin: bench.fifo("in"),
      stdout: bench.fifo("out"),
      stderr: bench.fifo("err"),
    });
    stdin!.resume();
    stdout!.write(Buffer.alloc(1 << 20));
    await until("all to be open", () => bench.openDescriptors().length === 6);
    await upstream!.close();
    await upstream!.close();
    await until("descriptors to be closed", () => bench.openDescriptors().length === 0);
  });

  it("opens nothing when its budget is used up already", async () => {
    const signal = AbortSignal.abort(new Error("budget is used up"));
    await assert.rejects(
      openStdio(requestOf({ stdout: bench.fifo("out") }), openOptions({ signal })),
      /used up/,
    );
    assert.deepEqual(bench.openDescriptors(), []);
  });
});

function collect(stream: NonNullable<UpstreamStdio["stdin"]>): { text: string; ended: boolean } {
  const seen = { text: "", ended: false };
  stream.on("data", (chunk: Buffer) => (seen.text += chunk.toString()));
  stream.on("end", () => (seen.ended = true));
  return seen;
}

/** Long enough for the loop to have polled its descriptors several times. */
