/** What a caller may rely on, whatever isolates the container: the same tests for a VM and for a process. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withAudit, type AuditRecord } from "../../shim/agent/runtime/audit.ts";
import { openProcessContainer, type ProcessPeer } from "../../shim/agent/runtime/process.ts";
import type { IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";
import { askHost } from "../../shim/agent/toolchain/ask-host.ts";
import { askContainer, checkParity, type Ask } from "../../shim/agent/toolchain/probe.ts";
import { reproducibleArguments } from "../../shim/agent/toolchain/reproducible.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { AgentFixture, HOST_PROGRAMS } from "../support/agent-fixture.ts";
import { containerSpec, makeRootfs } from "../support/guest-rootfs.ts";
import { makeScratchDirectory } from "../support/temp-directory.ts";
import { until } from "../support/until.ts";

interface Subject {
  readonly container: IsolatedContainer;
  readonly directory: string;
  close(): Promise<void>;
}

const SUBJECTS: Readonly<Record<string, () => Promise<Subject>>> = {
  "a container in a VM": async () => {
    const fixture = await AgentFixture.create();
    const container = await fixture.startAndOpen("work", { mounts: HOST_PROGRAMS });
    return { container, directory: fixture.makeDirectory("subject"), close: () => fixture.close() };
  },
  "a container in process isolation": async () => {
    const directory = await makeScratchDirectory("peer-");
    const peer = runcPeer(directory);
    const container = openProcessContainer(peer);
    return {
      container,
      directory,
      close: async () => {
        await container.stop();
        execFileSync("runc", ["--root", join(directory, "runc"), "delete", "-f", peer.id]);
        await peer.ended;
      },
    };
  },
};

/** A paused container of runc, with a scratch directory that host and container see. */
function runcPeer(directory: string): ProcessPeer {
  const rootfs = join(directory, "rootfs");
  makeRootfs(rootfs);
  const scratch = { host: join(directory, "scratch"), inside: "/scratch" };
  mkdirSync(scratch.host);
  const bundle = join(directory, "bundle");
  mkdirSync(bundle);
  const spec = containerSpec({ rootfs, args: ["sleep", "1000000"] }) as { mounts: object[] };
  const mounts = [
    ...spec.mounts,
    ...HOST_PROGRAMS,
    { destination: scratch.inside, type: "bind", source: scratch.host, options: ["bind"] },
  ];
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...spec, mounts }));
  const id = `peer-${process.pid}`;
  const runc = ["--root", join(directory, "runc")];
  const own = spawn("runc", [...runc, "run", "--bundle", bundle, id], { stdio: "ignore" });
  return {
    id,
    incarnation: String(own.pid),
    scratch,
    hostPath: (path) =>
      path.startsWith("/scratch/") ? path.replace(scratch.inside, scratch.host) : undefined,
    ended: new Promise((resolve) => own.once("exit", (code) => resolve(`it exited with ${String(code)}`))),
    run: ({ argv, env, cwd, onOutput, signal }) =>
      new Promise((resolve, reject) => {
        const variables = ["PATH=/usr/bin:/bin", ...env].flatMap((entry) => ["--env", entry]);
        const child = spawn("runc", [...runc, "exec", "--cwd", cwd, ...variables, id, ...argv], {
          stdio: ["ignore", "pipe", "pipe"],
          detached: true,
        });
        signal.addEventListener("abort", () => process.kill(-child.pid!, "SIGKILL"), { once: true });
        for (const stream of ["stdout", "stderr"] as const)
          child[stream].on("data", (bytes: Buffer) => void onOutput(stream, bytes));
        child.once("error", reject);
        child.once("close", (code) => resolve({ exitCode: code ?? -1, signal: 0 }));
      }),
  };
}

const PROGRAM = {
  "src/main.c":
    '#include "Foo.h"\nconst char *where(void) { return __FILE__; }\nint main(void) { return X; }\n',
  "inc/Foo.h": "#define X 3\n",
};

for (const [name, create] of Object.entries(SUBJECTS)) {
  describe(`${name}, to work in`, function () {
    this.timeout(60_000);
    let subject: Subject;
    let container: IsolatedContainer;

    before(async function () {
      if (emulatorObstacle() !== undefined) this.skip();
      subject = await create();
      ({ container } = subject);
      await until(
        "the container to run",
        async () => (await container.exec({ argv: ["true"] })).exitCode === 0,
      );
    });
    after(() => subject?.close());

    const directory = (label: string, files: Readonly<Record<string, string>> = {}): string => {
      const path = join(subject.directory, label);
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(join(path, file, ".."), { recursive: true });
        writeFileSync(join(path, file), text);
      }
      mkdirSync(path, { recursive: true });
      return path;
    };

    /** @returns digests of what went in and of the object */
    async function compile(label: string, files: Record<string, string>, more = ["-g"]): Promise<string[]> {
      const output = directory(`${label}-out`);
      const argv = ["gcc", ...more, "-I/src/inc", "-I/src/INC", "-c", "/src/src/main.c", "-o", "/out/main.o"];
      const result = await container.exec({
        argv: [...reproducibleArguments(argv).argv],
        env: ["PATH=/usr/bin:/bin"],
        source: directory(label, files),
        output,
      });
      assert.equal(result.exitCode, 0);
      const object = readFileSync(join(output, "main.o"));
      return [result.inputDigest, createHash("sha256").update(object).digest("hex")];
    }

    it("compiles the same bytes from the same files, wherever they lie", async () => {
      const one = await compile("checkout-one", PROGRAM);
      assert.deepEqual(await compile("somewhere/else/checkout", PROGRAM), one);
    });

    it("compiles the same bytes from two checkouts whose folders are spelled differently", async () => {
      const respelled = { "src/main.c": PROGRAM["src/main.c"], "INC/Foo.h": PROGRAM["inc/Foo.h"] };
      // Debug information names the folder that a header was found in, as it is spelled.
      const one = await compile("spelled", PROGRAM, []);
      assert.deepEqual(await compile("Respelled", respelled, []), one);
      assert.equal((await compile("debugged", respelled))[0], one[0]);
    });

    it("tells apart what ended, and how", async () => {
      assert.equal((await container.exec({ argv: ["sh", "-c", "exit 9"] })).exitCode, 9);
      const late = await container.exec({ argv: ["sleep", "1000"], timeoutMs: 100 });
      assert.deepEqual([late.exitCode, late.cause], [-1, 3]);
    });

    it("compares its compiler with the host's, and refuses work where they differ and must not", async () => {
      const asked = { host: askHost, container: askContainer(container) };
      const same = await checkParity("gcc", { ...asked, policy: "refuse" });
      assert.equal(same?.verdict, "match", same?.message);
      const older: Ask = async (argv) => {
        const answer = await askHost(argv);
        return answer && { ...answer, stdout: answer.stdout.replaceAll(/\b(\d+)\.\d+\.\d+\b/g, "4.1.2") };
      };
      const differing = { ...asked, host: older };
      assert.equal((await checkParity("gcc", { ...differing, policy: "warn" }))?.verdict, "major-skew");
      await assert.rejects(
        checkParity("gcc", { ...differing, policy: "refuse" }),
        /compilers differ: host has .*gcc 4\.1\.2 .*, image has .*gcc \d+\.\d+\.\d+ .*: major-skew/,
      );
    });

    it("gives back only the files that were asked for", async () => {
      const output = directory("wanted");
      const { outputs } = await container.exec({
        argv: ["sh", "-c", "mkdir -p $0/d && touch $0/a.o $0/d/b.o $0/c.txt", "/out"],
        output,
        outputs: ["**/*.o"],
      });
      assert.deepEqual(outputs.map(({ path }) => path).sort(), ["a.o", "d/b.o"]);
      assert.deepEqual(readdirSync(output).sort(), ["a.o", "d"]);
    });

    it("ends a job whose caller gives up", async () => {
      const controller = new AbortController();
      const running = container.exec(
        { argv: ["sh", "-c", "echo up; sleep 1000"], onOutput: () => controller.abort(new Error("enough")) },
        controller.signal,
      );
      await assert.rejects(running, /enough/);
      assert.equal((await container.exec({ argv: ["true"] })).exitCode, 0);
    });

    it("records every exec, with what isolates it", async () => {
      const lines: string[] = [];
      const about = { session: "s", user: "tester", image: "img" };
      const audited = withAudit(container, about, (line) => lines.push(line));
      await audited.container.exec({ argv: ["true"] });
      await audited.container.exec({ argv: ["x"], cwd: "/no-such-directory" }).catch(() => undefined);
      await audited.container.put(directory("recorded", { f: "x" }), "/scratch/copied");
      await audited.container.get("/scratch/copied", directory("recorded-back"));
      await audited.container.get("/no-such-directory", directory("recorded-back")).catch(() => undefined);
      audited.close();
      const records = lines.map((line) => JSON.parse(line) as AuditRecord);
      assert.deepEqual(
        records.map(({ event }) => event),
        ["session opened", "exec", "exec", "copy in", "copy out", "copy out", "session closed"],
      );
      assert.deepEqual([records[3]!.files, records[3]!.bytes, records[3]!.target], [1, 1, "/scratch/copied"]);
      assert.equal(records[3]!.inputDigest, records[4]!.outputDigest);
      assert.match(records[5]!.error ?? "", /no-such-directory/);
      assert.ok(records.every(({ isolation }) => isolation === container.boundary.isolation));
      assert.equal(records[1]!.exitCode, 0);
      for (const [index, line] of lines.entries())
        if (index > 0)
          assert.equal(
            records[index]!.previous,
            createHash("sha256")
              .update(lines[index - 1]!)
              .digest("hex"),
            line,
          );
    });
  });
}
