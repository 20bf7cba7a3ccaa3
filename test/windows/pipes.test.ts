/** Named pipes of the host in Windows containers, through a real containerd. */
import assert from "node:assert/strict";
import { linkSync, readdirSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { pipesDirectory } from "../../hcs/emulator/systems/state-directory.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { echo, PipeServer } from "../support/pipe-server.ts";
import { until } from "../support/until.ts";
import { WINDOWS_DIRECTORY, WindowsImages, WindowsPods } from "../support/windows-containers.ts";

const configure = () => ({ nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } });

/** What a program answers that finds no pipe: ERROR_FILE_NOT_FOUND. */
const NOT_FOUND = "CreateFile failed: error 2";

const pipe = (source: string, destination: string): object => ({
  source: `\\\\.\\pipe\\${source}`,
  destination: `\\\\.\\pipe\\${destination}`,
});

eachContainerd("named pipes of the host", { lines: ["2.1"], configure }, (containerd) => {
  let images: WindowsImages;
  let servers: PipeServer[];

  before(async function () {
    this.timeout(180_000);
    images = await WindowsImages.create();
  });

  after(() => images.remove());

  beforeEach(() => {
    servers = [];
  });

  afterEach(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });

  async function serve(name: string, handler: Parameters<typeof PipeServer.listen>[2]): Promise<PipeServer> {
    const server = await PipeServer.listen(containerd().emulatorDirectory, name, handler);
    servers.push(server);
    return server;
  }

  for (const [name, hyperv] of [
    ["process", false],
    ["hypervisor", true],
  ] as const) {
    describe(`${name} isolation`, () => {
      const id = `pipes-${name}`;

      before(async () => {
        const mounts = [pipe("Host\\Echo", "inside\\echo"), pipe("source", "source"), pipe("SINK", "sink")];
        const config = images.spec(id, { args: ["ping", "-t", "127.0.0.1"], mounts, hyperv });
        await containerd().ctr().runDetached(id, { config });
      });

      after(() => new WindowsPods(containerd().ctr(), images).end(id));

      let execs = 0;
      async function probe(...args: readonly string[]): Promise<string> {
        const result = await containerd()
          .ctr()
          .exec(id, `e${++execs}`, ["C:\\probe.exe", ...args]);
        assert.equal(result.stderr, "");
        return result.stdout.toString().trim();
      }
      const untilFound = (...args: readonly string[]) =>
        until("the pipe to be found", async () => {
          const answer = await probe(...args);
          return answer === NOT_FOUND ? undefined : answer;
        });

      it("are not found without a server, and found when one starts, ends, and starts anew", async () => {
        assert.equal(await probe("pipe", "inside\\echo", "x"), NOT_FOUND);
        const first = await serve("host%5cecho", echo);
        assert.equal(await untilFound("pipe", "inside\\echo", "good morning"), "good morning");
        await first.close();
        await until(
          "the pipe to be gone",
          async () => (await probe("pipe", "inside\\echo", "x")) === NOT_FOUND,
        );
        await serve("Host%5cEcho", echo);
        assert.equal(await untilFound("pipe", "INSIDE\\echo", "once more"), "once more");
        // That is its name inside alone.
        assert.equal(await probe("pipe", "host\\echo", "x"), NOT_FOUND);
      });

      it("of a server that was killed are not found once that was noticed", async () => {
        const killed = await serve("source", echo);
        const socket = join(pipesDirectory(containerd().emulatorDirectory), "source");
        linkSync(socket, `${socket}.kept`);
        await killed.close();
        renameSync(`${socket}.kept`, socket);
        try {
          await until("the pipe to be gone", async () => (await probe("drain", "source")) === NOT_FOUND);
        } finally {
          unlinkSync(socket);
        }
      });

      it("carry many connections at once, each with more than a pipe holds", async () => {
        const server = await serve("host%5cecho", echo);
        assert.equal(await untilFound("pipe", "inside\\echo", "up"), "up");
        assert.equal(await probe("echo", "inside\\echo", "20", "400000"), "same");
        assert.equal(server.accepted, 21);
        await until("all connections to be closed", () => server.open === 0);
      });

      it("end for clients with their server's end, after all it wrote", async () => {
        await serve("source", (connection) => connection.end(Buffer.alloc(1_000_000, "z")));
        // ERROR_BROKEN_PIPE
        assert.equal(await untilFound("drain", "source"), "1000000 bytes, error 109");
      });

      it("give servers all that a program wrote before it ended, and its container with it", async () => {
        let heard = "";
        await serve("sink", (connection) => {
          connection.setEncoding("utf8").on("data", (text: string) => (heard += text));
          connection.on("end", () => {
            heard += "end ";
            connection.end();
          });
        });
        const last = `${id}-last`;
        const config = images.spec(last, {
          args: ["C:\\probe.exe", "tell", "sink", "last words"],
          mounts: [pipe("sink", "sink")],
          hyperv,
        });
        const result = await containerd().ctr().run(last, { config });
        assert.equal(result.code, 0, result.stdout.toString());
        assert.equal(heard, "last words\nend ");
      });

      it("are no processes of the container", async () => {
        const listed = await containerd().ctr().processes(id);
        assert.deepEqual(
          listed.filter(({ info }) => info.includes("CExecSvc")),
          [],
        );
      });
    });

    it(`${name} isolation: refuses what is no name of a pipe, and pipes that cannot be mapped`, async () => {
      const ctr = containerd().ctr();
      for (const [index, [mounts, words]] of (
        [
          [[pipe("x".repeat(248), "y")], /must have at most 247 characters/],
          [[pipe("x", "svcctl")], /mapped pipe "svcctl" cannot be served in the container/],
          [[pipe("x", "y"), pipe("z", "Y")], /MappedPipes\/1\/ContainerPipeName "Y" is that of another pipe/],
          [[{ source: "\\\\.\\pipe\\x", destination: "C:\\x" }], /source and destination both begin with/],
        ] as const
      ).entries()) {
        // One agent refuses in both; a VM's boot is long.
        if (hyperv && index > 1) continue;
        if (index === 1) await serve("x", echo);
        const id = `refused-${name}-${index}`;
        const result = await ctr.run(id, {
          config: images.spec(id, { commandLine: "whoami", mounts, hyperv }),
        });
        assert.notEqual(result.code, 0, `row ${index}`);
        assert.match(result.stderr, words);
        await until("nothing of it to be left", async () => (await ctr.status(id)) === undefined);
      }
    });
  }

  it("leave nothing of them in the emulator's directory", async () => {
    const directory = pipesDirectory(containerd().emulatorDirectory);
    await until("the directory of pipes to be gone", () => {
      try {
        return readdirSync(directory).length === 0;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ENOENT";
      }
    });
  });
});
