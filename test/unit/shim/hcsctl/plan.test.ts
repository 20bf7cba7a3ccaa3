import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plan } from "../../../../shim/hcsctl/plan.ts";
import { runCommand, type CommandOutcome } from "./run-command.ts";

const P = "io.microsoft.virtualmachine.computetopology.";
const POD = `apiVersion: v1
kind: Pod
metadata:
  name: shop
  annotations:
    ${P}processor.count: "3"
spec:
  os: {name: windows}
  containers:
  - name: web
    command: [server.exe, "a b"]
    env: [{name: PASSWORD, value: hunter2}]
    resources: {limits: {memory: 512Mi}}
`;

interface PlanJson {
  tasks: { id: string; refusal?: string; decisions?: { role: string; isolation: string } }[];
  documents: { name: string; document: never; why?: Record<string, string[]> }[];
  calls?: { call: string }[];
}

describe("hcsctl plan", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "plan-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function run(
    name: string,
    content: string | object,
    flags: Readonly<Record<string, string | boolean>> = {},
  ): Promise<CommandOutcome> {
    const path = join(root, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return runCommand(plan, [path], { build: "26100", processors: "8", ...flags });
  }

  async function planned(...args: Parameters<typeof run>): Promise<PlanJson & { failed: boolean }> {
    const [name, content, flags] = args;
    const { output, failed } = await run(name, content, { ...flags, json: true });
    const [first] = JSON.parse(output) as PlanJson[];
    assert.ok(first);
    return { ...first, failed };
  }

  function documentOf({ documents }: PlanJson, name: string): unknown {
    return documents.find((document) => document.name === name)?.document;
  }

  it("makes the pod of a manifest, in a VM where the runtime handler says so", async () => {
    const result = await planned("pod.yaml", POD, { hypervisor: true });
    assert.deepEqual(
      result.tasks.map(({ id, decisions }) => [id, decisions?.role, decisions?.isolation]),
      [
        ["shop", "sandbox", "windows-vm"],
        ["web", "workload", "windows-vm"],
      ],
    );
    assert.deepEqual(
      result.documents.map(({ name }) => name),
      ["uvm", "container-web", "process-web"],
    );
    assert.equal(result.failed, false);
    const uvm = documentOf(result, "uvm") as { VirtualMachine: { ComputeTopology: { Processor: unknown } } };
    assert.deepEqual(uvm.VirtualMachine.ComputeTopology.Processor, { Count: 3 });
  });

  it("makes it on the host without options", async () => {
    const result = await planned("pod.yaml", POD);
    assert.deepEqual(
      result.documents.map(({ name }) => name),
      ["container-shop", "container-web", "process-shop", "process-web"],
    );
  });

  it("says why a field is what it is", async () => {
    const { documents } = await planned("pod.yaml", POD, { hypervisor: true, why: true });
    const why = (name: string): Record<string, string[]> | undefined =>
      documents.find((document) => document.name === name)?.why;
    assert.deepEqual(why("uvm")?.[""], ["option SandboxIsolation"]);
    assert.deepEqual(why("uvm")?.["/VirtualMachine/ComputeTopology/Processor/Count"], [
      `annotation ${P}processor.count`,
    ]);
    assert.deepEqual(why("container-web")?.["/Container/Memory/SizeInMB"], [
      "web: /windows/resources/memory/limit",
    ]);
    assert.deepEqual(why("process-web")?.["/CommandLine"], ["web: /process/args/0", "web: /process/args/1"]);
  });

  it("hides secrets unless it is told not to", async () => {
    assert.doesNotMatch((await run("pod.yaml", POD, { calls: true })).output, /hunter2/);
    assert.match((await run("pod.yaml", POD, { "show-secrets": true })).output, /hunter2/);
  });

  it("prints documents that people can read, with reasons beside the fields", async () => {
    const { output } = await run("pod.yaml", POD, { hypervisor: true, why: true });
    assert.match(output, /^pod shop\n {2}shop \(sandbox\): sandbox, in a utility VM with a Windows guest\n/);
    assert.match(output, /\nuvm\.json {2}← option SandboxIsolation\n\{\n/);
    assert.match(output, /"Count": 3 +← annotation io\.microsoft/);
    assert.match(output, /"StopOnReset": true, +← default\n/);
  });

  it("lists what the platform is asked", async () => {
    const { calls } = await planned("pod.yaml", POD, { calls: true });
    const names = calls?.map(({ call }) => call) ?? [];
    assert.deepEqual(
      names.filter((name) => name === "Step" || name === "HcsCreateComputeSystem"),
      ["Step", "HcsCreateComputeSystem", "Step", "Step", "HcsCreateComputeSystem", "Step"],
    );
  });

  it("assumes the pod of a container whose spec stands alone", async () => {
    const annotations = {
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.sandbox-id": "shop",
    };
    const result = await planned("web.json", {
      ociVersion: "1.1.0",
      annotations,
      process: { args: ["a"] },
      windows: {},
    });
    assert.deepEqual(
      result.tasks.map(({ id, refusal }) => [id, refusal]),
      [
        ["shop", undefined],
        ["web", undefined],
      ],
    );
  });

  it("shows the job of a HostProcess container", async () => {
    const manifest = POD.replace(
      "os: {name: windows}",
      "securityContext: {windowsOptions: {hostProcess: true, runAsUserName: 'NT AUTHORITY\\SYSTEM'}}",
    );
    const result = await planned("pod.yaml", manifest);
    assert.deepEqual(
      result.tasks.map(({ decisions }) => decisions?.isolation),
      ["host-process", "host-process"],
    );
    const process = documentOf(result, "process-web") as { commandLine: string };
    assert.equal(process.commandLine, 'cmd /c server.exe "a b"');
  });

  it("tells why a task would be refused, and fails", async () => {
    const { output, failed } = await run("config.json", {
      ociVersion: "1.1.0",
      annotations: { [`${P}memory.enabledeferredcommit`]: "true", [`${P}memory.allowovercommit`]: "false" },
      windows: { hyperv: {} },
    });
    assert.equal(failed, true);
    assert.match(output, /refused {2}.*enabledeferredcommit: needs/);
  });

  it("tells what is not followed", async () => {
    const spec = {
      ociVersion: "1.1.0",
      process: { args: ["a"] },
      annotations: { [`${P}memory.sizeinmb`]: "lots" },
      windows: { hyperv: {} },
    };
    const { output, failed } = await run("config.json", spec);
    assert.match(output, /warning {2}annotation .*sizeinmb: ignored: must be uint64/);
    assert.equal(failed, false);
  });

  it("gives the same bytes for the same input", async () => {
    const first = await run("pod.yaml", POD, { hypervisor: true, json: true, calls: true });
    const second = await run("pod.yaml", POD, { hypervisor: true, json: true, calls: true });
    assert.equal(first.output, second.output);
  });

  it("refuses input that makes nothing", async () => {
    await assert.rejects(run("options.toml", "Debug = true\n"), /options alone make nothing/);
    await assert.rejects(run("service.yaml", "apiVersion: v1\nkind: Service\n"), /there is no pod in it/);
    await assert.rejects(run("pod.yaml", POD, { processors: "none" }), /invalid --processors/);
  });
});
