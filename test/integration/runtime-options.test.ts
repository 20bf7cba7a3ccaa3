import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRecording } from "../../hcs/trace/format.ts";
import type { Handler } from "../support/containerd-config.ts";
import type { Cri } from "../support/cri.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { readUvmDocument } from "../support/uvm-document.ts";

/** What the options below ask for. */
const WANTED = { memoryMb: 320, processors: 1 };
const OPTIONS = {
  SandboxIsolation: 1,
  VmMemorySizeInMb: WANTED.memoryMb,
  VmProcessorCount: WANTED.processors,
};

describe("runtime options", () => {
  let folder: string;
  let file: string;
  /** Options that record everything the shim asks of the platform. */
  let recording: string;

  before(() => {
    folder = mkdtempSync("/tmp/rhoptions");
    file = join(folder, "options.toml");
    writeFileSync(
      file,
      Object.entries(OPTIONS)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join(""),
    );
    recording = join(folder, "recording.toml");
    writeFileSync(recording, `SandboxIsolation = 1\n[runhcs.trace]\ndirectory = "${folder}/traces"\n`);
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** Makes a pod and gives what its utility VM was made of. */
  async function vmOf(cri: Cri, emulatorDirectory: string, handler: string): Promise<typeof WANTED> {
    const pod = await cri.runPod(`with-${handler}`, { handler });
    try {
      const container = await pod.start("main");
      assert.equal((await container.exec(["echo", "fine"])).stdout, "fine\n");
      const { VirtualMachine } = readUvmDocument(emulatorDirectory, pod.id);
      return {
        memoryMb: VirtualMachine?.ComputeTopology?.Memory?.SizeInMB ?? 0,
        processors: VirtualMachine?.ComputeTopology?.Processor?.Count ?? 0,
      };
    } finally {
      await pod.remove();
    }
  }

  const configure = ({ runtime }: { runtime: { type: string } }): { handlers: [Handler, ...Handler[]] } => ({
    handlers: [
      { name: "plain", runtimeType: runtime.type },
      { name: "table", runtimeType: runtime.type, options: OPTIONS },
      { name: "file", runtimeType: runtime.type, options: { ConfigPath: file } },
      { name: "recorded", runtimeType: runtime.type, options: { ConfigPath: recording } },
      { name: "missing", runtimeType: runtime.type, options: { ConfigPath: `${file}.none` } },
      { name: "wrong", runtimeType: runtime.type, options: { ...OPTIONS, VmMemorySizeInMb: "much" } },
      { name: "process", runtimeType: runtime.type, options: { SandboxIsolation: 0, VmMemorySizeInMb: 256 } },
      { name: "annotated", runtimeType: runtime.type, podAnnotations: ["io.microsoft.virtualmachine.*"] },
    ],
  });

  eachContainerd("from the CRI plugin", { oursOnly: true, configure, tidy: true }, (containerd, { line }) => {
    let cri: Cri;

    before(async () => {
      cri = await containerd().cri();
    });

    after(() => {
      cri.close();
    });

    /** containerd 1.6 has no field for the table: what is in it never leaves containerd. */
    const hasTable = line !== "1.6";

    it("are not needed", async () => {
      const vm = await vmOf(cri, containerd().emulatorDirectory, "plain");
      assert.ok(vm.memoryMb > WANTED.memoryMb, `${vm.memoryMb} MB`);
    });

    it("arrive as a file that ConfigPath names", async () => {
      assert.deepEqual(await vmOf(cri, containerd().emulatorDirectory, "file"), WANTED);
    });

    it("arrive as the table itself, from containerd 1.7 on", async () => {
      const vm = await vmOf(cri, containerd().emulatorDirectory, "table");
      if (!hasTable) assert.ok(vm.memoryMb > WANTED.memoryMb, `${vm.memoryMb} MB`);
      else assert.deepEqual(vm, WANTED);
    });

    it("record what the shim asks of the platform, and what it gets", async () => {
      await vmOf(cri, containerd().emulatorDirectory, "recorded");
      const [name = "", ...others] = readdirSync(join(folder, "traces"));
      assert.deepEqual(others, []);
      assert.match(name, /^k8s\.io-[0-9a-f]{64}-\d+\.jsonl$/);
      const lines = parseRecording(readFileSync(join(folder, "traces", name), "utf8"));
      rmSync(join(folder, "traces"), { recursive: true });
      const calls = lines.flatMap((line) => (line.kind === "call" ? [line] : []));
      const answered = new Set(lines.flatMap((line) => (line.kind === "answer" ? [line.call] : [])));
      for (const method of ["create", "start", "mount", "openNamespace", "terminate"])
        assert.ok(
          calls.some((call) => call.method === method && answered.has(call.call)),
          method,
        );
      assert.ok(lines.some((line) => line.kind === "data" && line.text?.includes("fine\n")));
    });

    it("refuse the pod when their file does not exist, and name it", async () => {
      await assert.rejects(cri.runPod("no-file", { handler: "missing" }), /options\.toml\.none/);
      await containerd().untilNothingLeft();
    });

    if (hasTable) {
      it("refuse the pod when a value is of the wrong kind, and name it", async () => {
        await assert.rejects(cri.runPod("wrong-kind", { handler: "wrong" }), /VmMemorySizeInMb/);
        await containerd().untilNothingLeft();
      });

      it("refuse a Linux pod without a VM", async () => {
        await assert.rejects(cri.runPod("no-vm", { handler: "process" }), /isolation/i);
        await containerd().untilNothingLeft();
      });
    }

    it("give way to annotations of the pod that the handler lets through", async () => {
      const annotations = { "io.microsoft.virtualmachine.computetopology.memory.sizeinmb": "448" };
      const pod = await cri.runPod("annotated", { handler: "annotated", annotations });
      const { VirtualMachine } = readUvmDocument(containerd().emulatorDirectory, pod.id);
      assert.equal(VirtualMachine?.ComputeTopology?.Memory?.SizeInMB, 448);
      await pod.remove();
    });
  });

  eachContainerd("from ctr", { oursOnly: true, tidy: true }, (containerd) => {
    it("arrive as a file", async () => {
      const ctr = containerd().ctr();
      await ctr.runDetached("with-file", { args: ["sleep", "1000"], configPath: file });
      const { VirtualMachine } = readUvmDocument(containerd().emulatorDirectory, "with-file");
      assert.equal(VirtualMachine?.ComputeTopology?.Memory?.SizeInMB, WANTED.memoryMb);
      await ctr.remove("with-file");
    });
  });
});
