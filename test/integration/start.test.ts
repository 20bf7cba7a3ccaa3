/**
 * `start` as it is installed: it goes on as the pod's process, and whoever ran it must not notice anything but that it has
 * ended.
 */
import assert from "node:assert/strict";
import { spawn, type StdioOptions } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { Any } from "../../protos/gen/google.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { Options } from "../../protos/gen/runtime-options.ts";
import { pathOfAddress, shimAddress } from "../../shim/bootstrap/address.ts";
import { connect } from "../../shim/ttrpc/index.ts";
import { isAlive, readEnvironment, readProcess } from "../support/proc.ts";
import { until } from "../support/until.ts";

const SHIM = join(import.meta.dirname, "../../dist/bin/containerd-shim-runhcs-v1");

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("start, as it is installed", function () {
  this.timeout(60_000);
  let directory: string;
  let bundle: string;
  let environment: NodeJS.ProcessEnv;
  let pids: number[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "start-"));
    bundle = join(directory, "bundle");
    mkdirSync(bundle);
    const state = JSON.stringify(join(directory, "state"));
    writeFileSync(
      join(directory, "node.toml"),
      `state_directory = ${state}\nemulator.state_directory = ${state}\n`,
    );
    writeSpec({});
    environment = { PATH: process.env["PATH"], RUNHCS_CONFIG: join(directory, "node.toml"), MARK: "a=b" };
    pids = [];
  });

  afterEach(async () => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGTERM");
    await until("the processes to end", () => !pids.some(isAlive));
    // One that was told to end before it served has left it.
    rmSync(socketPath(), { force: true });
    rmSync(directory, { recursive: true });
  });

  const socketPath = (): string =>
    shimAddress({ namespace: "test", group: "web", containerd: join(directory, "c.sock") }).path;

  function writeSpec(annotations: Readonly<Record<string, string>>): void {
    const spec = { ociVersion: "1.0.2", linux: {}, annotations };
    writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
  }

  /** Resolves when everybody has closed its output and it has ended: what containerd waits for. */
  function start(
    given: {
      readonly stdin?: Uint8Array;
      readonly stdio?: StdioOptions;
      readonly id?: string;
      readonly program?: string;
    } = {},
  ): Promise<Outcome> {
    const flags = [
      "-namespace",
      "test",
      "-address",
      join(directory, "c.sock"),
      "-publish-binary",
      "/bin/true",
    ];
    const { id = "web", stdio = "pipe", program = SHIM } = given;
    const child = spawn(program, [...flags, "-id", id, "start"], { cwd: bundle, env: environment, stdio });
    const output = { stdout: "", stderr: "" };
    child.stdout?.on("data", (chunk: Buffer) => (output.stdout += chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => (output.stderr += chunk.toString("utf8")));
    // One that does not read its input has ended already.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(given.stdin ?? Buffer.alloc(0));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, ...output }));
    });
  }

  function podProcess(): number {
    const pid = Number(readFileSync(join(bundle, "shim.pid"), "utf8"));
    pids.push(pid);
    return pid;
  }

  async function mustStart(given: Parameters<typeof start>[0] = {}): Promise<{ pid: number; path: string }> {
    const { code, stdout, stderr } = await start(given);
    const pid = podProcess();
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^unix:\/\/\/\S+$/);
    return { pid, path: pathOfAddress(stdout) };
  }

  async function ask(path: string): Promise<number> {
    await using client = await connect(path);
    return (await client.call(Task, "Connect", { id: "nobody" })).shimPid;
  }

  it("leaves a process that answers, and of which nothing of the caller's is held", async () => {
    const { pid, path } = await mustStart();
    assert.equal(await ask(path), pid);
    assert.deepEqual(
      [0, 1, 2].map((descriptor) => readlinkSync(`/proc/${pid}/fd/${descriptor}`)),
      ["/dev/null", join(bundle, "panic.log"), join(bundle, "panic.log")],
    );
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), "/");
    assert.equal(readFileSync(join(bundle, "panic.log"), "utf8"), "");
  });

  it("leaves one boot of Node, not a process that waits for another", async () => {
    const { pid, path } = await mustStart();
    await ask(path);
    const { parent = 0 } = readProcess(pid) ?? {};
    assert.doesNotMatch(readProcess(parent)?.arguments.join(" ") ?? "", /containerd-shim-runhcs/);
  });

  it("leaves a process in a session of its own, whose signals nobody has turned off", async () => {
    const { pid, path } = await mustStart();
    await ask(path);
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    const [, , group, session] = fields;
    assert.deepEqual([group, session], [String(pid), String(pid)]);
    const ignored = BigInt(`0x${/^SigIgn:\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]}`);
    for (const [name, number] of Object.entries({ SIGHUP: 1n, SIGINT: 2n, SIGQUIT: 3n, SIGTERM: 15n }))
      assert.equal((ignored >> (number - 1n)) & 1n, 0n, `${name} is ignored`);
  });

  it("leaves a process that the kernel kills before its caller", async () => {
    const { pid, path } = await mustStart();
    await ask(path);
    const score = (of: number | "self"): number => Number(readFileSync(`/proc/${of}/oom_score_adj`, "utf8"));
    assert.equal(score(pid), Math.min(1000, score("self") + 1));
  });

  it("leaves a process whose title tells its pod", async () => {
    const { pid } = await mustStart();
    const title = `containerd-shim-runhcs-v1 -namespace test -address ${join(directory, "c.sock")} -id web`;
    await until("the title", () => readProcess(pid)?.arguments.join(" ").trim() === title);
  });

  it("gives the process the environment, but not what only Node would take for itself", async () => {
    environment["NODE_OPTIONS"] = "--no-such-option";
    environment["NODE_EXTRA_CA_CERTS"] = "/nonexistent";
    const { pid, path } = await mustStart();
    await ask(path);
    const variables = readEnvironment(pid);
    assert.ok(variables.includes("MARK=a=b"));
    assert.deepEqual(
      variables.filter((entry) => /^NODE_/.test(entry)),
      [],
    );
  });

  it("reads its input as it was written, whatever bytes it has", async () => {
    // Longer than a pipe holds at once, with zeros and line ends.
    const filler = `# ${"é\n# ".repeat(60_000)}\n`;
    const options = Options.encode({
      typeUrl: "runhcs",
      configPath: "",
      configBody: Buffer.from(`${filler}[runhcs]\nbootstrap = "v3"\n`),
    });
    const stdin = Any.encode({ typeUrl: Options.typeName, value: options });
    const { code, stdout, stderr } = await start({ stdin });
    podProcess();
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal((JSON.parse(stdout) as { version: number }).version, 3);
  });

  it("works without input at all", async () => {
    const program = join(directory, "closed");
    writeFileSync(program, `#!/bin/sh\nexec <&-\nexec "${SHIM}" "$@"\n`, { mode: 0o755 });
    await mustStart({ program });
  });

  it("works through a link, from wherever it is installed", async () => {
    const program = join(directory, "linked");
    symlinkSync(SHIM, program);
    const { pid, path } = await mustStart({ program });
    assert.equal(await ask(path), pid);
  });

  it("finds the process that serves already", async () => {
    const { pid, path } = await mustStart();
    const again = await start();
    assert.deepEqual(again, { code: 0, stdout: `unix://${path}`, stderr: "" });
    assert.equal(Number(readFileSync(join(bundle, "shim.pid"), "utf8")), pid);
    assert.equal(await ask(path), pid);
  });

  for (const [what, id, prepare, expected] of [
    ["a wrong command line", "", () => undefined, /^containerd-shim-runhcs-v1: id is required\n$/],
    [
      "a pod that is not there",
      "web",
      () =>
        writeSpec({
          "io.kubernetes.cri.container-type": "container",
          "io.kubernetes.cri.sandbox-id": "gone",
        }),
      /^containerd-shim-runhcs-v1: cannot join pod "gone": no shim answers at \S+\n$/,
    ],
    ["a spec that is not there", "web", () => rmSync(join(bundle, "config.json")), /config\.json/],
    [
      "an option whose value is none",
      "web",
      () => writeFileSync(join(directory, "node.toml"), 'hosting = "nowhere"\n'),
      /nowhere/,
    ],
  ] as const) {
    it(`fails for ${what} with the reason on standard error, and leaves no process`, async () => {
      prepare();
      const { code, stdout, stderr } = await start({ id });
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, expected);
      assert.equal(existsSync(join(bundle, "shim.pid")), false);
    });
  }

  it("fails where there is no Node, and says so", async () => {
    const folders = (process.env["PATH"] ?? "").split(delimiter);
    const tools = join(directory, "tools");
    mkdirSync(tools);
    const setsid = folders.map((folder) => join(folder, "setsid")).find(existsSync) ?? "";
    symlinkSync(setsid, join(tools, "setsid"));
    environment["PATH"] = tools;
    const { code, stdout, stderr } = await start();
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /node/);
    assert.notEqual(dirname(process.execPath), tools);
  });

  it("fails when its caller does not take the address", async () => {
    const full = openSync("/dev/full", "w");
    try {
      assert.notEqual((await start({ stdio: ["ignore", full, "ignore"] })).code, 0);
    } finally {
      closeSync(full);
    }
    podProcess();
  });

  it("ends, and takes its socket away, when the shell that ran it is gone before it has answered", async () => {
    // Node as the shell runs it, with an output that takes nothing.
    environment["RUNHCS_START_MAY_STAY"] = "1";
    const program = join(directory, "as-the-shell");
    writeFileSync(program, `#!/bin/sh\nexec node "${SHIM}" "$@"\n`, { mode: 0o755 });
    const full = openSync("/dev/full", "w");
    const { code, stderr } = await start({ program, stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    assert.equal(code, 1);
    assert.match(stderr, /ENOSPC/);
    assert.equal(isAlive(podProcess()), false);
    assert.equal(existsSync(socketPath()), false);
  });
});
