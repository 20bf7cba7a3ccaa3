import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Lane } from "../../../hcs/win32/ffi/lane.ts";
import { Library } from "../../../hcs/win32/ffi/library.ts";
import { out } from "../../../hcs/win32/ffi/types.ts";
import { PipeServer } from "../../../hcs/win32/pipes/server.ts";
import { until } from "../../support/until.ts";

const PATH = "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\runhcs-test";

async function dial(path: string = PATH): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  return socket;
}

async function text(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

const kernel32 = new Library(
  {
    file: "kernel32.dll",
    since: 10240,
    feature: "counting handles",
    source: "https://learn.microsoft.com/windows/win32/api/processthreadsapi/",
    functions: {
      GetCurrentProcess: "handle ()",
      GetProcessHandleCount: "i32 (handle process, outU32 count)",
    },
  },
  new Lane("test", 1),
);

function openHandles(): number {
  const count = out();
  assert.equal(kernel32.call("GetProcessHandleCount", kernel32.call("GetCurrentProcess"), count), 1);
  return count[0];
}

/** Sends back what it gets. */
function echo(path: string = PATH): PipeServer {
  return PipeServer.listen(path, {
    onConnection: (stream) => void stream.pipe(stream),
    onError: (error) => {
      throw error;
    },
  });
}

describe("PipeServer", () => {
  let server: PipeServer | undefined;
  afterEach(() => {
    server?.close();
    server = undefined;
  });

  it("can be dialled as soon as it listens", async () => {
    server = echo();
    const client = await dial();
    client.write("hello");
    assert.equal(String((await once(client, "data"))[0]), "hello");
    client.destroy();
  });

  it("serves more clients at a time than wait at a time", async () => {
    server = echo();
    const clients = await Promise.all(Array.from({ length: 40 }, () => dial()));
    const answers = clients.map((client) => once(client, "data"));
    clients.forEach((client, index) => client.write(`client ${index}`));
    const texts = (await Promise.all(answers)).map(([data]) => String(data));
    assert.deepEqual(
      texts,
      clients.map((_, index) => `client ${index}`),
    );
    for (const client of clients) client.destroy();
  });

  it("carries a megabyte each way, in order", async () => {
    server = echo();
    const client = await dial();
    const sent = Buffer.alloc(1024 * 1024, "0123456789abcdef");
    let received = Buffer.alloc(0);
    client.write(sent);
    while (received.length < sent.length) {
      const [chunk] = (await once(client, "data")) as [Buffer];
      received = Buffer.concat([received, chunk]);
    }
    assert.ok(received.equals(sent));
    client.destroy();
  });

  it("tells a client that its server has closed the connection", async () => {
    server = PipeServer.listen(PATH, {
      onConnection: (stream) => void stream.end("bye"),
      onError: (error) => {
        throw error;
      },
    });
    assert.equal(await text(await dial()), "bye");
  });

  it("goes on when clients leave at once", async () => {
    server = echo();
    for (let n = 0; n < 20; n++) (await dial()).destroy();
    const client = await dial();
    client.write("still here");
    assert.equal(String((await once(client, "data"))[0]), "still here");
    client.destroy();
  });

  it("leaves its connections alone when it is closed, and is gone with the last of them", async () => {
    server = echo();
    const client = await dial();
    client.write("before");
    await once(client, "data");
    server.close();
    client.write("after");
    assert.equal(String((await once(client, "data"))[0]), "after");
    const closed = once(client, "close");
    client.destroy();
    await closed;
    await until("the name to be free", () =>
      dial().then(
        (socket) => {
          socket.destroy();
          return false;
        },
        (error: NodeJS.ErrnoException) => error.code === "ENOENT",
      ),
    );
  });

  it("refuses a path that is none, naming it", () => {
    assert.throws(() => echo("C:\\no-pipe"), {
      name: "HcsError",
      message: /^cannot serve named pipe "C:\\no-pipe": /,
    });
  });

  it("leaves no handles", async () => {
    const cycle = async (): Promise<void> => {
      const one = echo();
      const client = await dial();
      client.write("x");
      await once(client, "data");
      const closed = once(client, "close");
      client.destroy();
      await closed;
      one.close();
    };
    for (let n = 0; n < 20; n++) await cycle();
    const before = openHandles();
    for (let n = 0; n < 100; n++) await cycle();
    await until("the handles of the last cycles to be closed", () => openHandles() <= before + 5, {
      state: () => `${before} before, ${openHandles()} now`,
    });
  });
});
