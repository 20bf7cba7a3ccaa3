/** `hcsctl` with Windows containers: what people type, with the shim alone and with containerd. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { eachEngine } from "../support/each-engine.ts";
import { echo, PipeServer } from "../support/pipe-server.ts";
import { RUNHCS } from "../support/runtime.ts";
import { until } from "../support/until.ts";
import { isHostPid, WINDOWS_DIRECTORY, WindowsImages } from "../support/windows-containers.ts";

const nodeSettings = { emulator: { windows_directory: WINDOWS_DIRECTORY } };
const IMAGE = "localhost/windows:test";

eachEngine(
  "hcsctl with Windows containers",
  (engine) => {
    let images: WindowsImages;

    before(async function () {
      this.timeout(180_000);
      images = await WindowsImages.create();
    });

    after(() => images.remove());

    async function hcsctl(verb: string, ...rest: readonly string[]) {
      const { code, stdout, stderr } = await runCommand(
        join(RUNHCS.folder ?? "", "hcsctl"),
        [verb, ...engine().flags, ...rest],
        { env: { ...process.env, RUNHCS_CONFIG: engine().nodeFile, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" } },
      );
      return { code, stdout: stdout.toString(), stderr };
    }

    const run = (...rest: readonly string[]) => hcsctl("run", "--layers", images.base, ...rest);

    for (const isolation of ["process", "hyperv"]) {
      it(`--isolation=${isolation}: runs a command line with all it is given, and ends with its code`, async () => {
        const directory = join(engine().directory, isolation);
        mkdirSync(directory);
        writeFileSync(join(directory, "in.txt"), "from the host");
        const { code, stdout, stderr } = await run(
          ...["--rm", `--isolation=${isolation}`, "--hostname", "box", "-u", "ContainerAdministrator"],
          ...["-e", "GREETING=good morning", "-w", "C:\\Windows\\Temp", "--cpus", "1", "--memory", "512M"],
          ...["-v", `${directory}:C:\\data`, "-v", `${directory}:C:\\kept:ro`, "--"],
          ...["cmd", "/c"],
          "echo %GREETING%& cd & whoami & type C:\\kept\\in.txt & echo made> C:\\data\\out.txt & (echo no> C:\\kept\\no.txt) || echo refused& exit 7",
        );
        assert.equal(code, 7, stderr);
        assert.match(stdout, /^good morning\r\n/);
        assert.match(stdout, /C:\\windows\\temp/i);
        assert.match(stdout, /box\\ContainerAdministrator/i);
        assert.match(stdout, /from the host/);
        assert.match(stdout, /refused/);
        assert.equal(readFileSync(join(directory, "out.txt"), "utf8").trim(), "made");
      });

      it(`--host-process --isolation=${isolation}: runs as SYSTEM where its root is asked to be`, async () => {
        const { code, stdout, stderr } = await run(
          ...["--rm", `--isolation=${isolation}`, "--host-process", "--inherit-user"],
          ...["--rootfs-location", "C:\\tools", "--", "cmd", "/c", "whoami & type C:\\tools\\License.txt"],
        );
        assert.equal(code, 0, stderr);
        assert.match(stdout, /\\SYSTEM\r\n/i);
        assert.match(stdout, /Wine/);
      });

      it(`--isolation=${isolation}: is left running, listed, looked into, stopped and removed`, async () => {
        const id = `kept-${isolation}`;
        const started = await run(
          ...["-d", "--name", id, `--isolation=${isolation}`, "--"],
          ...["cmd", "/c", "echo said & ping -t 127.0.0.1 > nul"],
        );
        assert.equal(started.stdout, `${id}\n`, started.stderr);
        const listed = JSON.parse((await hcsctl("ps", "--json")).stdout) as {
          id: string;
          status: string;
          os: string;
          pid: number;
        }[];
        const own = listed.find((one) => one.id === id);
        assert.deepEqual([own?.status, own?.os], ["running", "windows"]);
        // The same number on the host, or one of the VM's.
        assert.equal(isHostPid(own?.pid ?? 0), isolation === "process");
        const top = await until("ping to run", async () => {
          const { stdout } = await hcsctl("top", id);
          return stdout.includes("ping.exe") ? stdout : undefined;
        });
        assert.match(top, new RegExp(`^ *${own?.pid} +cmd\\.exe +${id} `, "m"));
        const exec = await hcsctl("exec", id, "-e", "A=b c", "--", "cmd", "/c", "echo %A%& exit 4");
        assert.deepEqual([exec.code, exec.stdout], [4, "b c\r\n"], exec.stderr);
        assert.equal((await hcsctl("exec", id, "--", "nosuch.exe")).code, 127);
        assert.match((await hcsctl("logs", id)).stdout, /^said/);
        const stopped = await hcsctl("stop", id, "--time", "20");
        assert.equal(stopped.code, 0, stopped.stderr);
        assert.match((await hcsctl("ps", "--all")).stdout, new RegExp(`${id}.*exited`));
        assert.equal((await hcsctl("rm", id)).code, 0);
        assert.equal((await hcsctl("ps", "--all")).stdout, "no containers\n");
      });
    }

    it("-v: hands over named pipes of the host", async () => {
      const server = await PipeServer.listen(engine().emulatorDirectory, "api", echo);
      try {
        const { stdout, stderr } = await run(
          ...["--rm", "-v", "\\\\.\\pipe\\api:\\\\.\\pipe\\inside", "--"],
          ...["C:\\probe.exe", "pipe", "inside", "good morning"],
        );
        assert.equal(stdout, "good morning\n", stderr);
      } finally {
        await server.close();
      }
    });

    it("--image: runs an archive's own command, and others, also in a VM", async () => {
      const archive = await images.archive(IMAGE);
      const own = await hcsctl("run", "--rm", "--image", archive);
      assert.equal(own.stdout.trim(), "the image's own command", own.stderr);
      for (const isolation of ["process", "hyperv"]) {
        const other = await hcsctl(
          ...(["run", "--rm", `--isolation=${isolation}`, "--image", IMAGE] as const),
          ...["--", "cmd", "/c", "echo new> C:\\new.txt & type C:\\new.txt C:\\License.txt & exit 3"],
        );
        assert.equal(other.code, 3, other.stderr);
        assert.match(other.stdout, /new/);
        assert.match(other.stdout, /Wine/);
      }
    });
  },
  { nodeSettings },
);
