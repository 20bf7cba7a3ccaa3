/** Pods in processes that a keeper on the Windows machine has started (docs/hosting.md), by the launcher in front of the executable. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Recorder } from "../../hcs/scripted/recorder.ts";
import { keeperAddress } from "../../shim/hosting/keeper/address.ts";
import { decodeReply, encodeRequest, type KeeperReply } from "../../shim/hosting/keeper/protocol.ts";
import { until } from "../support/until.ts";
import { addressOf, bundleOf, Containerd, LAUNCHER, startArguments } from "./support/containerd.ts";
import { PACKAGE, WindowsMachine } from "./support/machine.ts";
import { winePath } from "../support/wine.ts";
import { machineWithPrograms } from "./support/programs.ts";

const SPEC = join(import.meta.dirname, "../golden/hcs/e2e-standalone/spec.json");
const NODE_FILE = "C:\\runhcs.toml";
const KEEPER_MS = 60_000;
const TERMINATED = 0xc000_013a;
const IDS = ["c1", "c2", "c3"] as const;
const PLATFORM = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "v",
  scratchVolumes: Object.fromEntries(
    IDS.map((id, index) => [`C:\\snap\\${id}`, `\\\\?\\Volume{50100000-0000-4000-8000-00000000000${index}}`]),
  ),
};

/** A machine whose node file chooses a way of hosting, and containerd on it. */
class Node implements AsyncDisposable {
  readonly machine: WindowsMachine;
  readonly containerd: Containerd;
  readonly #environment = { RUNHCS_CONFIG: NODE_FILE };

  private constructor(machine: WindowsMachine, containerd: Containerd) {
    this.machine = machine;
    this.containerd = containerd;
  }

  static async boot(hosting: "warm" | "shared"): Promise<Node> {
    const { backend } = machineWithPrograms(PLATFORM, new Recorder());
    const machine = await WindowsMachine.boot(backend);
    machine.write(NODE_FILE, `hosting = "${hosting}"\n`);
    for (const layer of ["1", "2"]) machine.makeDirectory(`C:\\snap\\${layer}`);
    const options = { program: LAUNCHER, env: { RUNHCS_CONFIG: NODE_FILE } };
    return new Node(machine, await Containerd.serve(machine, () => undefined, options));
  }

  makeBundle(id: string): void {
    this.machine.write(`C:\\snap\\${id}\\sandbox.vhdx`, "");
    this.containerd.makeBundle(id, readFileSync(SPEC, "utf8"));
  }

  /** Asks the keeper for a process; undefined when there is no keeper. */
  async askKeeper(id: string): Promise<KeeperReply | undefined> {
    const { relay } = this.machine;
    const address = keeperAddress(this.#environment, "win32");
    if (!(await relay.isServed(address))) return undefined;
    const stream = await relay.dial(address);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise((resolve) => stream.once("close", resolve));
    stream.write(
      encodeRequest({
        installation: winePath(PACKAGE),
        workingDirectory: bundleOf(id),
        args: startArguments(id),
        // What a pod's process is to have, the rig's own included.
        environment: { SystemRoot: "C:\\windows", ...this.machine.host.environment, ...this.#environment },
        stdin: new Uint8Array(0),
      }),
    );
    await ended;
    return decodeReply(Buffer.concat(chunks));
  }

  /** Creates and starts a task, whose shim has been started. */
  async run(id: string): Promise<void> {
    const rootfs = [
      {
        type: "windows-layer",
        source: `C:\\snap\\${id}`,
        target: "",
        options: ["rw", 'parentLayerPaths=["C:\\\\snap\\\\2", "C:\\\\snap\\\\1"]'],
      },
    ];
    for (const [method, request] of [
      ["Create", { id, bundle: bundleOf(id), rootfs }],
      ["Start", { id }],
    ] as const)
      assert.deepEqual((await this.containerd.call(addressOf(id), method, request)).error, undefined);
  }

  /** Ends a task, and its shim. @returns what `delete` answers in the end */
  async end(id: string): Promise<number> {
    for (const method of ["Kill", "Wait", "Delete"] as const) {
      const { error } = await this.containerd.call(addressOf(id), method, { id, signal: 9 });
      assert.deepEqual(error, undefined);
    }
    await this.containerd.call(addressOf(id), "Shutdown", { id });
    await this.containerd.untilGone(addressOf(id));
    return (await this.containerd.delete(id)).exitStatus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.containerd[Symbol.asyncDispose]();
    await this.machine[Symbol.asyncDispose]();
  }
}

describe("hosting, by the packed executable and its launcher", function () {
  this.timeout(300_000);

  it("shared: pods share a process of the keeper's, which stays when they end", async () => {
    await using node = await Node.boot("shared");
    for (const id of ["c1", "c2"]) {
      node.makeBundle(id);
      assert.equal(await node.containerd.start(id), addressOf(id));
      await node.run(id);
    }
    assert.equal(node.containerd.pidOf("c1"), node.containerd.pidOf("c2"));
    assert.equal(await node.end("c1"), TERMINATED);
    // The same id again, in the same process: nothing of the first is in its way.
    node.makeBundle("c1");
    await node.containerd.start("c1");
    await node.run("c1");
    for (const id of ["c1", "c2"]) assert.equal(await node.end(id), TERMINATED);
    assert.deepEqual(node.machine.host.violations, []);
  });

  it("warm: a pod gets a process that had booted; it outlives the keeper, whom nobody needs", async () => {
    await using node = await Node.boot("warm");
    for (const id of IDS) node.makeBundle(id);
    // There is no keeper yet: the pod gets a process of its own, and the keeper is on its way.
    await node.containerd.start("c1");
    await node.run("c1");
    const reply = await until(
      "a spare",
      async () => {
        const answer = await node.askKeeper("c2");
        return answer?.verdict === "declined" ? undefined : answer;
      },
      { timeoutMs: KEEPER_MS },
    );
    assert.deepEqual(
      [reply.verdict, Buffer.from(reply.stdout).toString(), reply.stderr],
      ["done", addressOf("c2"), ""],
    );
    await node.run("c2");
    assert.notEqual(node.containerd.pidOf("c1"), node.containerd.pidOf("c2"));
    assert.equal(node.machine.killPrograms("keeper"), 1);
    await node.containerd.start("c3");
    await node.run("c3");
    for (const id of IDS) {
      assert.equal(await node.end(id), TERMINATED);
      assert.equal(node.machine.read(`${bundleOf(id)}\\panic.log`), "");
    }
    assert.deepEqual(node.machine.host.violations, []);
  });
});
