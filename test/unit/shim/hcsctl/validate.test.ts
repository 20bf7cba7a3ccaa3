import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { validate } from "../../../../shim/hcsctl/validate.ts";
import { runCommand } from "./run-command.ts";

const MEMORY = "io.microsoft.virtualmachine.computetopology.memory.";

describe("hcsctl validate", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "validate-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Findings as "severity at: message", and whether there are errors. */
  async function findings(
    name: string,
    content: string | object,
    flags: Readonly<Record<string, string | boolean>> = {},
  ): Promise<{ lines: string[]; failed: boolean }> {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    const { output, failed } = await runCommand(validate, [path], { ...flags, json: true });
    const reports = JSON.parse(output) as {
      findings: { severity: string; at: string; message: string }[];
    }[];
    const lines = reports.flatMap((report) =>
      report.findings.map(({ severity, at, message }) => `${severity} ${at}: ${message}`),
    );
    return { lines, failed };
  }

  function spec(
    annotations: Readonly<Record<string, string>>,
    sections: object = { windows: { hyperv: {} } },
  ): object {
    return { ociVersion: "1.1.0", annotations, ...sections };
  }

  it("tells every mistake in the options of a runtime handler", async () => {
    const { lines, failed } = await findings(
      "options.toml",
      'SandboxIsolaton = 1\nVmProcessorCount = "4"\nSandboxIsolation = 1\n[runhcs]\nlog.levl = "debug"\nlog.level = "loud"\n',
    );
    assert.deepEqual(lines, [
      'error SandboxIsolaton: unknown option, did you mean "SandboxIsolation"?',
      'error VmProcessorCount: invalid option "VmProcessorCount" in the options: must be a number (found "4")',
      'error log.levl: unknown option, did you mean "log.level"?',
      'error log.level: invalid option "log.level" in the options: must be "error", "warn", "info", "debug", "trace" (found "loud")',
    ]);
    assert.equal(failed, true);
  });

  it("reads options as JSON, with the words of enumerations", async () => {
    const { lines, failed } = await findings("options.json", {
      sandboxIsolation: "HYPERVISOR",
      vmMemorySizeInMb: 2048,
    });
    assert.deepEqual([lines, failed], [[], false]);
    assert.match(
      (await findings("bad.json", { vmMemorySizeInMb: "2048" })).lines[0] ?? "",
      /must be a number/,
    );
  });

  it("tells options without effect, and passes", async () => {
    const { lines, failed } = await findings("options.toml", "ShareScratch = true\nVmMemorySizeInMb = 512\n");
    assert.deepEqual(lines, [
      "warning ShareScratch: has no effect: no runtime reads it any more",
      "warning VmMemorySizeInMb: has no effect on pods without a VM: SandboxIsolation is not 1",
    ]);
    assert.equal(failed, false);
  });

  it("checks the node file", async () => {
    const { lines } = await findings("runhcs.toml", '[budgets]\nvm-bot = "3m"\n');
    assert.deepEqual(lines, ['error budgets.vm-bot: unknown option, did you mean "budgets.vm-boot"?']);
  });

  it("finds the runtime handlers in containerd's configuration", async () => {
    const { lines } = await findings(
      "config.toml",
      `version = 3
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runhcs]
runtime_type = "io.containerd.runhcs.v1"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runhcs.options]
SandboxIsolation = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = true
`,
    );
    assert.deepEqual(lines, [
      'error SandboxIsolation: invalid option "SandboxIsolation" in the options: must be a number (found true)',
      'note pod_annotations: no annotation of a pod reaches the shim: add "io.microsoft.*"',
    ]);
  });

  it("tells a key that is not known, with the one that is meant", async () => {
    const { lines, failed } = await findings(
      "bundle/config.json",
      spec({ [`${MEMORY}allowovercomit`]: "true" }),
    );
    assert.deepEqual(lines, [
      `error ${MEMORY}allowovercomit: is not known, did you mean "${MEMORY}allowovercommit"?`,
    ]);
    assert.equal(failed, true);
  });

  it("tells a value of the wrong type, and what holds then", async () => {
    const { lines } = await findings("config.json", spec({ [`${MEMORY}allowovercommit`]: "yes" }));
    assert.deepEqual(lines, [
      `error ${MEMORY}allowovercommit: must be bool (found "yes"), and is ignored: default is true`,
    ]);
  });

  it("tells a value out of range", async () => {
    const key = "io.microsoft.virtualmachine.computetopology.processor.limit";
    const { lines } = await findings("config.json", spec({ [key]: "100001" }));
    assert.deepEqual(lines, [`error ${key}: must be 1/1000 percent, 1 to 100000 (found "100001")`]);
  });

  it("tells conflicts, those behind another mistake too", async () => {
    const { lines } = await findings(
      "config.json",
      spec({
        "io.microsoft.virtualmachine.resource-partition-id": "zz",
        [`${MEMORY}enabledeferredcommit`]: "true",
        "io.microsoft.virtualmachine.fullyphysicallybacked": "true",
      }),
    );
    assert.deepEqual(
      lines.map((line) => line.split(":")[0]),
      ["error io.microsoft.virtualmachine.resource-partition-id", `error ${MEMORY}enabledeferredcommit`],
    );
  });

  it("tells an expansion that would change another annotation", async () => {
    const { lines } = await findings(
      "config.json",
      spec({
        "io.microsoft.disable-unsafe-operations": "true",
        "io.microsoft.container.wcow.gmsa.disable": "false",
      }),
    );
    assert.deepEqual(lines.length, 1);
    assert.match(lines[0] ?? "", /^error io\.microsoft\.container\.wcow\.gmsa\.disable: .*must be "true"/);
  });

  it("tells keys without effect in this mode", async () => {
    const keys = {
      [`${MEMORY}sizeinmb`]: "2048",
      "io.microsoft.virtualmachine.lcow.kernelbootoptions": "x",
      "io.microsoft.lcow.gpuvhdpath": "x",
    };
    const { lines, failed } = await findings("config.json", spec(keys, { windows: {} }));
    assert.deepEqual(lines, [
      `warning ${MEMORY}sizeinmb: has no effect: it needs hypervisor isolation`,
      "warning io.microsoft.virtualmachine.lcow.kernelbootoptions: has no effect: it is for Linux containers, these are of Windows",
      "warning io.microsoft.lcow.gpuvhdpath: has no effect: no runtime reads it any more",
    ]);
    assert.equal(failed, false);
    const inVm = await findings("config.json", spec({ [`${MEMORY}sizeinmb`]: "2048" }, { windows: {} }), {
      hypervisor: true,
    });
    assert.deepEqual(inVm.lines, []);
  });

  it("warns of HostProcess spelt so that it does not count", async () => {
    const { lines } = await findings("config.json", spec({ "microsoft.com/hostprocess-container": "True" }));
    assert.deepEqual(lines, [
      'warning microsoft.com/hostprocess-container: counts as false: only the text "true" is true (found "True")',
    ]);
  });

  it("looks at a spec under the options of its handler", async () => {
    const options = join(root, "options.toml");
    writeFileSync(options, 'SandboxPlatform = "linux/amd64"\nSandboxIsolation = 1\n');
    const { lines, failed } = await findings("config.json", spec({}), { options });
    assert.match(lines[0] ?? "", /SandboxPlatform: .*must be of windows/);
    assert.equal(failed, true);
  });

  it("checks every task of a pod", async () => {
    const manifest = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    ${MEMORY}sizeinmb: lots
spec:
  os: {name: windows}
  containers: [{name: iis}]
`;
    const { lines } = await findings("pod.yaml", manifest, { hypervisor: true });
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? "", /sizeinmb: must be uint64/);
  });

  it("says what a file is that it cannot read", async () => {
    await assert.rejects(findings("config.json", "{"), /cannot read .*config\.json/);
    await assert.rejects(runCommand(validate, [join(root, "nothing.toml")]), /nothing\.toml/);
  });

  it("prints something people can read", async () => {
    writeFileSync(join(root, "o.toml"), "Debug = 1\n");
    const { output } = await runCommand(validate, [join(root, "o.toml")]);
    assert.match(output, /o\.toml \(options of a runtime handler\)\n {2}error {4}Debug\n {11}invalid option/);
    assert.match(output, /\n1 error, 0 warnings, 0 notes\n$/);
  });
});
