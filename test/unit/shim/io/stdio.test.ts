import assert from "node:assert/strict";
import { PassThrough, Readable, type Writable } from "node:stream";
import { openStdio, stdioSchemes } from "../../../../shim/io/stdio.ts";
import type { StdioRequest, StreamResolver } from "../../../../shim/io/upstream.ts";
import { openOptions, requestOf, Workbench } from "./client.ts";

describe("openStdio", () => {
  it("opens nothing for a task without stdio", async () => {
    for (const transport of ["fifo", "named-pipe"] as const) {
      const upstream = await openStdio(requestOf({}), openOptions({ transport }));
      assert.deepEqual([upstream.stdin, upstream.stdout, upstream.stderr], [undefined, undefined, undefined]);
      assert.deepEqual(upstream.paths, { stdin: "", stdout: "", stderr: "" });
      upstream.closeStdin();
      await upstream.close();
    }
  });

  it("lets stdout decide for all three", async () => {
    const bench = await Workbench.make();
    try {
      const request = requestOf({ stdin: "binary:///bin/true", stdout: bench.fifo("out") });
      await assert.rejects(openStdio(request, openOptions()), {
        name: "StdioError",
        field: "stdin",
        fault: "invalid",
      });
    } finally {
      await bench.remove();
    }
  });

  const refused: [value: string, transport: "fifo" | "named-pipe", message: RegExp][] = [
    [
      "npipe:////./pipe/x",
      "fifo",
      /^cannot open stdout "npipe:.*": scheme is not supported: known are fifo, binary, binary-v2, file, ttrpc/,
    ],
    ["fifo:///run/x", "named-pipe", /scheme is not supported: known are npipe, binary/],
    [
      "https://example.com/x",
      "fifo",
      /^cannot open stdout "https:\/\/example.com\/x": scheme is not supported/,
    ],
    ["file:///%zz", "fifo", /^cannot open stdout "file:\/\/\/%zz": URI malformed$/],
    ["C:\\x", "named-pipe", /^cannot open stdout "C:\\x": not the path of a local named pipe$/],
    ["\\\\server\\pipe\\x", "named-pipe", /: not the path of a local named pipe$/],
  ];
  for (const [value, transport, message] of refused) {
    it(`refuses "${value}" as ${transport} stdio`, async () => {
      await assert.rejects(openStdio(requestOf({ stdout: value }), openOptions({ transport })), {
        name: "StdioError",
        field: "stdout",
        value,
        message,
      });
    });
  }

  it("names the schemes it knows", () => {
    assert.deepEqual(stdioSchemes("fifo").slice(0, 4), ["fifo", "binary", "binary-v2", "file"]);
    assert.deepEqual(stdioSchemes("named-pipe").slice(0, 4), ["npipe", "binary", "binary-v2", "file"]);
  });
});

describe("openStreams", () => {
  const uri = (id: string): string => `ttrpc+unix:///run/shim.sock?streaming_id=${id}`;
  const full: StdioRequest = requestOf({
    stdin: uri("web-stdin"),
    stdout: uri("web-stdout"),
    stderr: uri("web-stderr"),
  });

  class Streams implements StreamResolver {
    readonly found = new Map<string, Readable | Writable>();

    async reader(id: string): Promise<Readable> {
      return this.#find(id, new Readable({ read: () => undefined }));
    }

    async writer(id: string): Promise<Writable> {
      if (id.endsWith("unknown")) throw new Error(`no stream "${id}"`);
      return this.#find(id, new PassThrough());
    }

    #find<S extends Readable | Writable>(id: string, stream: S): S {
      this.found.set(id, stream);
      return stream;
    }
  }

  it("finds each stream by its id", async () => {
    const streams = new Streams();
    const upstream = await openStdio(full, openOptions({ streams }));
    assert.equal(upstream.stdin, streams.found.get("web-stdin"));
    assert.equal(upstream.stdout, streams.found.get("web-stdout"));
    assert.equal(upstream.stderr, streams.found.get("web-stderr"));
    await upstream.close();
    assert.ok([...streams.found.values()].every((stream) => stream.destroyed));
  });

  it("decides by the first stream there is: an exec may have stdin alone", async () => {
    const streams = new Streams();
    const upstream = await openStdio(requestOf({ stdin: uri("web-stdin") }), openOptions({ streams }));
    assert.equal(upstream.stdin, streams.found.get("web-stdin"));
    await upstream.close();
  });

  it("lets go of those it has when one is not known", async () => {
    const streams = new Streams();
    await assert.rejects(openStdio({ ...full, stderr: uri("unknown") }, openOptions({ streams })), {
      name: "StdioError",
      fault: "unavailable",
      message: /^cannot open stderr ".*": no stream "unknown"$/,
    });
    assert.deepEqual(
      [...streams.found.values()].map((stream) => stream.destroyed),
      [true, true],
    );
  });

  it("refuses an address without a stream id", async () => {
    const request = requestOf({ stdout: "ttrpc+unix:///run/shim.sock" });
    await assert.rejects(openStdio(request, openOptions({ streams: new Streams() })), {
      fault: "invalid",
      message: /: no streaming_id$/,
    });
  });

  it("is refused where the shim serves no streams", async () => {
    await assert.rejects(openStdio(full, openOptions()), { fault: "unsupported", field: "stdin" });
  });
});
