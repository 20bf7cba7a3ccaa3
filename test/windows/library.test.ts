/** Windows containers of the container library, and one program for all kinds of containers. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectOptions } from "../../shim/client/connect.ts";
import type { Container } from "../../shim/client/container.ts";
import { ClientError } from "../../shim/client/errors.ts";
import type { ContainerOptions, NetworkOptions } from "../../shim/client/options/options.ts";
import { outcome, type Outcome } from "../support/client-programs.ts";
import { runCommand } from "../support/command.ts";
import { eachEngine } from "../support/each-engine.ts";
import { createPodNetwork, type PodNetwork } from "../support/pod-network.ts";
import { WINDOWS_DIRECTORY, WindowsImages } from "../support/windows-containers.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const nodeSettings = { emulator: { windows_directory: WINDOWS_DIRECTORY } };

eachEngine(
  "container library with Windows containers",
  (engine, kind) => {
    let images: WindowsImages;
    let base: ContainerOptions;

    before(async function () {
      // The first run on a machine makes the template.
      this.timeout(180_000);
      images = await WindowsImages.create();
      base = { os: "windows", layers: [{ type: "base", path: images.base }], staging: true };
    });

    after(() => images.remove());

    describe("examples/anywhere.ts, unchanged,", () => {
      const kinds: [what: string, container: () => ContainerOptions, connect?: ConnectOptions][] = [
        // By the shim that comes with containerd: the library needs none of ours.
        [
          "a Linux container on the host",
          () => ({ os: "linux", image: engine().archive }),
          { runtime: "io.containerd.runc.v2" },
        ],
        ["a Linux container in a utility VM", () => ({ os: "linux", image: engine().archive })],
        ["a Windows container on the host", () => base],
        ["a Windows container in a utility VM", () => ({ ...base, isolation: "hypervisor" })],
      ];
      for (const [what, container, connect] of kinds) {
        if (connect?.runtime !== undefined && kind === "shim") continue;
        it(`runs ${what}`, async () => {
          const { os } = container();
          assert.deepEqual(await runExample({ ...engine().connect, ...connect }, container()), {
            os,
            status: "running",
            said: "hello world",
            exitCode: 42,
            file: "there and back",
            isListed: true,
            hasProcesses: true,
            isMeasured: true,
            // ERROR_PROCESS_ABORTED, and 128 + SIGKILL.
            killed: os === "windows" ? 1067 : 137,
          });
          assert.deepEqual(await engine().client.list(), []);
        });
      }
    });

    async function runExample(connect: ConnectOptions, container: ContainerOptions): Promise<unknown> {
      const file = join(engine().directory, "example.json");
      writeFileSync(file, JSON.stringify({ client: connect, container }));
      const example = ["--import", "tsx", "examples/anywhere.ts", file];
      const { code, stdout, stderr } = await runCommand(process.execPath, example, { cwd: REPOSITORY });
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout.toString());
    }

    // What follows is the same for every engine: the specs are made before one is asked.
    if (kind === "shim") return;

    /** A line for cmd.exe in a container, to its end. */
    async function runLine(line: string, options: ContainerOptions = {}): Promise<Outcome> {
      await using container = await engine().client.create({
        ...base,
        args: ["cmd", "/c", line],
        ...options,
      });
      return await outcome(await container.start({ output: "pipe" }));
    }

    async function idle(options: ContainerOptions = {}): Promise<Container> {
      const args = ["ping", "-t", "127.0.0.1"];
      const container = await engine().client.create({ ...base, args, ...options });
      await container.start({ output: "ignore" });
      return container;
    }

    describe("a Windows container", () => {
      it("has the environment, directory, user and host name it was given, and ends with its code", async () => {
        const { stdout, exitCode } = await runLine("echo %A%& cd & echo %USERNAME%& hostname & exit 259", {
          env: { A: "b c" },
          cwd: "C:\\Windows\\Temp",
          user: "ContainerAdministrator",
          hostname: "box",
        });
        const lines = stdout
          .trim()
          .split(/\s*\r\n/)
          .map((line) => line.toLowerCase());
        assert.deepEqual(lines, ["b c", "c:\\windows\\temp", "containeradministrator", "box"]);
        // All 32 bits of it: more than Linux has.
        assert.equal(exitCode, 259);
      });

      it("is an ordinary user with security restricted, and refuses to be the administrator", async () => {
        const { stdout } = await runLine("whoami", { security: "restricted" });
        assert.match(stdout.trim(), /\\ContainerUser$/i);
        await assert.rejects(
          engine().client.create({
            ...base,
            args: ["x"],
            security: "strict",
            user: "containeradministrator",
          }),
          (error: unknown) => ClientError.is(error, "InvalidArgument") && /must not be/.test(error.message),
        );
      });

      it("sees directories of the host, read-only where they are to be", async () => {
        const [given, kept] = ["given", "kept"].map((name) => join(engine().directory, name));
        for (const path of [given, kept]) mkdirSync(path ?? "");
        const { stdout } = await runLine(
          "echo made> C:\\given\\file& (echo no> C:\\kept\\file) || echo refused",
          {
            mounts: [
              { source: given ?? "", target: "C:\\given" },
              { source: kept ?? "", target: "C:\\kept", readonly: true },
            ],
          },
        );
        assert.match(stdout, /refused/);
        assert.equal(readFileSync(join(given ?? "", "file"), "utf8").trim(), "made");
      });

      it("takes and gives files and directories through its staging directory", async () => {
        const path = (name: string): string => join(engine().directory, name);
        await using container = await idle();
        const content = randomBytes(8 << 20);
        mkdirSync(path("tree/deep"), { recursive: true });
        writeFileSync(path("tree/deep/large"), content);
        writeFileSync(path("tree/two words"), "two words");
        const containerPath = "C:\\new folder\\tree";
        const options = { recursive: true, mkdirs: true };
        const [up] = await container.upload([{ hostPath: path("tree"), containerPath }], options);
        assert.equal(up?.status, "ok", up?.error?.message);
        const [down] = await container.download([{ hostPath: path("tree.back"), containerPath }], options);
        assert.equal(down?.status, "ok", down?.error?.message);
        assert.ok(readFileSync(path("tree.back/deep/large")).equals(content));
        assert.equal(readFileSync(path("tree.back/two words"), "utf8"), "two words");
        const [absent] = await container.download([{ hostPath: path("x"), containerPath: "C:\\none" }]);
        assert.equal(absent?.status, "failed");
        const [odd] = await container.upload([
          { hostPath: path("tree/two words"), containerPath: "C:\\a&b" },
        ]);
        assert.match(odd?.error?.message ?? "", /must not contain &/);
      });

      it("is a HostProcess container when it is to be one", async () => {
        const { stdout } = await runLine("whoami & cd", {
          hostProcess: { inheritUser: true, rootfsLocation: "C:\\tools" },
          cwd: "",
          staging: false,
        });
        assert.match(stdout, /\\SYSTEM\s+C:\\tools/i);
      });
    });

    describe("the network of a Windows container", () => {
      let network: PodNetwork;
      before(async () => {
        const directory = join(engine().directory, "net");
        mkdirSync(directory);
        network = await createPodNetwork(directory);
      });
      after(() => network.remove());

      const wish = (): NetworkOptions => ({ switchName: network.bridge, ip: `${network.prefix}.77` });

      for (const isolation of ["process", "hypervisor"] as const) {
        it(`is that of the switch, with its static address, in ${isolation} isolation`, async () => {
          const gateway = `${network.prefix}.1`;
          const { stdout } = await runLine(`ipconfig & ping -n 1 ${gateway}`, {
            isolation,
            network: { ...wish(), requireMatch: true },
          });
          assert.match(stdout, new RegExp(`IPv4 address[ .]*: ${network.prefix}\\.77\\r`));
          assert.match(stdout, new RegExp(`Default gateway[ .]*: ${gateway}\\r`));
          assert.match(stdout, new RegExp(`Reply from ${gateway}`));
        });
      }

      it("is refused with settings that neither endpoint nor guest apply, unless it need not have them", async () => {
        // Wine has no PowerShell, and an endpoint on a bridge no name servers.
        const { client, warnings } = engine();
        const asked = {
          ...base,
          args: ["ping", "-t", "127.0.0.1"],
          network: { ...wish(), dns: "192.0.2.1" },
        };
        await using strict = await client.create(asked);
        await assert.rejects(strict.start({ output: "ignore" }), /cannot apply the network settings/);
        await strict.destroy();
        await using lenient = await client.create({
          ...asked,
          network: { ...asked.network, policy: "best-effort" },
        });
        await lenient.start({ output: "ignore" });
        assert.ok(warnings.some((warning) => warning.includes(lenient.id)));
      });
    });

    describe("layers of a Windows container", () => {
      /** A layer over the base, with one file of its own. */
      function overBase(name: string, chain: readonly string[]): string {
        const layer = join(engine().directory, name);
        mkdirSync(join(layer, "Files"), { recursive: true });
        writeFileSync(join(layer, "Files", "own.txt"), name);
        writeFileSync(join(layer, "layerchain.json"), JSON.stringify(chain));
        return layer;
      }
      const of = (path: string): ContainerOptions => ({ layers: [{ type: "base", path }] });

      it("are followed down their chain, as Docker lists it and by parents alone", async () => {
        const one = overBase("one", [images.base]);
        for (const two of [overBase("full", [one, images.base]), overBase("parent", [one])]) {
          const { stdout } = await runLine("type C:\\own.txt", of(two));
          assert.equal(stdout, two.split("/").at(-1));
        }
      });

      it("are refused when the chain breaks off, saying where", async () => {
        const broken = overBase("broken", [join(engine().directory, "gone")]);
        await assert.rejects(
          engine().client.create({ ...base, ...of(broken), args: ["x"] }),
          (error: unknown) => ClientError.is(error, "FailedPrecondition") && error.message.includes("gone"),
        );
      });

      it("have the utility VM in them, the uppermost that has one", async () => {
        const layer = overBase("for-vm", [images.base]);
        const { stdout } = await runLine("type C:\\own.txt", { ...of(layer), isolation: "hypervisor" });
        assert.equal(stdout, "for-vm");
      });

      it("without a utility VM are refused in a VM, naming the folders that were searched", async () => {
        const bare = overBase("bare", []);
        await using container = await engine().client.create({
          ...base,
          ...of(bare),
          isolation: "hypervisor",
          args: ["x"],
        });
        await assert.rejects(container.start(), (error: unknown) => {
          assert.ok(error instanceof Error);
          return error.message.includes(join(bare, "UtilityVM"));
        });
      });
    });
  },
  { nodeSettings },
);
