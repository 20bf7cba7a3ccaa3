/** The launcher in C, by itself: what it asks a keeper, what it makes of the answer, and that it is otherwise not there. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { keeperAddress } from "../../shim/hosting/keeper/address.ts";
import {
  decodeRequest,
  encodeReply,
  type KeeperReply,
  type KeeperRequest,
} from "../../shim/hosting/keeper/protocol.ts";

const LAUNCHER = join(import.meta.dirname, "../../dist/native/containerd-shim-runhcs-v1");
const FLAGS = ["-namespace", "k8s.io", "-address", "/run/c.sock", "-publish-binary", "", "-id", "web"];

/** Stands where the program in Node would be, and tells how it was called. */
const NODE_PROGRAM = `#!/bin/sh
echo "args: $*"
echo "stdin: $(cat | od -An -tx1 | tr -d ' \\n')"
echo "marked: $MARK"
echo "to stderr" >&2
exit 7
`;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("launcher", function () {
  this.timeout(20_000);
  let directory: string;
  let keeper: Server | undefined;
  let environment: NodeJS.ProcessEnv;
  let requests: KeeperRequest[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "launcher-"));
    for (const folder of ["bin", "native", "bundle"]) mkdirSync(join(directory, folder));
    copyFileSync(LAUNCHER, join(directory, "native", "containerd-shim-runhcs-v1"));
    const program = join(directory, "bin", "containerd-shim-runhcs-v1");
    writeFileSync(program, NODE_PROGRAM);
    chmodSync(program, 0o755);
    environment = { PATH: process.env["PATH"], RUNHCS_CONFIG: join(directory, "nöde.toml"), MARK: "a=b" };
    requests = [];
  });

  afterEach(async () => {
    await new Promise<void>((resolve) => {
      if (keeper === undefined) resolve();
      else keeper.close(() => resolve());
    });
    keeper = undefined;
    rmSync(directory, { recursive: true });
  });

  function keep(reply: KeeperReply | "hang up"): Promise<void> {
    const address = keeperAddress(environment);
    mkdirSync(dirname(address), { recursive: true, mode: 0o700 });
    const server = createServer((socket) => {
      let received = Buffer.alloc(0);
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk]);
        const request = decodeRequest(received);
        if (request === undefined) return;
        requests.push(request);
        if (reply === "hang up") socket.destroy();
        else socket.end(encodeReply(reply));
      });
    });
    keeper = server;
    return new Promise((resolve) => server.listen(address, resolve));
  }

  function launch(args: readonly string[], stdin: Buffer = Buffer.alloc(0)): Promise<Outcome> {
    const program = join(directory, "native", "containerd-shim-runhcs-v1");
    const child = spawn(program, args, { cwd: join(directory, "bundle"), env: environment });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString("utf8")));
    // A launcher that does not read its input has ended already.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, ...output }));
    });
  }

  const byNode = (args: readonly string[], stdin = ""): Outcome => ({
    code: 7,
    stdout: `args: ${args.join(" ")}\nstdin: ${stdin}\nmarked: a=b\n`,
    stderr: "to stderr\n",
  });

  it("hands start over, with everything it was given, and prints the answer", async () => {
    await keep({ verdict: "done", stdout: Buffer.from("unix:///run/s/x"), stderr: "" });
    const outcome = await launch([...FLAGS, "start"], Buffer.from([0, 1, 0, 255]));
    assert.deepEqual(outcome, { code: 0, stdout: "unix:///run/s/x", stderr: "" });
    const [request] = requests;
    assert.equal(request?.installation, directory);
    assert.equal(request.workingDirectory, join(directory, "bundle"));
    assert.deepEqual(request.args, [...FLAGS, "start"]);
    assert.deepEqual([...request.stdin], [0, 1, 0, 255]);
    assert.deepEqual(request.environment, environment);
  });

  it("takes input that fills pipes several times", async () => {
    await keep({ verdict: "done", stdout: Buffer.from("x"), stderr: "" });
    await launch([...FLAGS, "start"], Buffer.alloc(1_000_000, "x"));
    assert.equal(requests[0]?.stdin.length, 1_000_000);
  });

  it("prints binary output and remarks of delete", async () => {
    await keep({ verdict: "done", stdout: Buffer.from("\b\u0001\u0010\0", "latin1"), stderr: "a remark\n" });
    const outcome = await launch([...FLAGS, "delete"]);
    assert.deepEqual(outcome, { code: 0, stdout: "\b\u0001\u0010\0", stderr: "a remark\n" });
  });

  it("fails with the keeper's words", async () => {
    await keep({ verdict: "failed", stdout: Buffer.alloc(0), stderr: "cannot join pod" });
    assert.deepEqual(await launch([...FLAGS, "start"]), { code: 1, stdout: "", stderr: "cannot join pod\n" });
  });

  for (const [when, reply] of [
    ["the keeper declines", { verdict: "declined", stdout: Buffer.alloc(0), stderr: "" }],
    ["the keeper dies", "hang up"],
    ["there is no keeper", undefined],
  ] as const) {
    it(`leaves start to Node when ${when}, input and all`, async () => {
      if (reply !== undefined) await keep(reply);
      const args = [...FLAGS, "start"];
      assert.deepEqual(await launch(args, Buffer.from([0, 10, 255])), byNode(args, "000aff"));
    });
  }

  it("leaves everything else to Node without asking", async () => {
    await keep({ verdict: "done", stdout: Buffer.from("wrong"), stderr: "" });
    for (const args of [["-info"], ["-v"], [], ["start", "-id"]])
      assert.deepEqual(await launch(args), byNode(args));
    assert.equal(requests.length, 0);
  });
});
