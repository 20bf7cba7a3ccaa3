import assert from "node:assert/strict";
import {
  applyIsolationOptions,
  checkPodIsolation,
  isolationOf,
  type Isolation,
  type IsolationOptions,
} from "../../../oci/isolation.ts";
import { readSpec } from "../../../oci/spec.ts";

const NONE: IsolationOptions = { hypervisor: false, isEmpty: true, platform: "" };
const PROCESS: IsolationOptions = { ...NONE, isEmpty: false };
const HYPERVISOR: IsolationOptions = { ...PROCESS, hypervisor: true };

const WINDOWS = { windows: {} };
const HYPERV = { windows: { hyperv: {} } };
const LINUX = { linux: {} };
const HOST_PROCESS = { windows: {}, annotations: { "microsoft.com/hostprocess-container": "true" } };

describe("isolation", () => {
  const CASES: readonly (readonly [string, object, IsolationOptions, Isolation])[] = [
    ["a Windows spec without options", WINDOWS, NONE, "windows-host"],
    ["a Windows spec with options for processes", WINDOWS, PROCESS, "windows-host"],
    ["a Windows spec with options for VMs", WINDOWS, HYPERVISOR, "windows-vm"],
    ["a hyperv section without options", HYPERV, NONE, "windows-vm"],
    ["a hyperv section with options for VMs", HYPERV, HYPERVISOR, "windows-vm"],
    ["a Linux spec without options", LINUX, NONE, "linux-vm"],
    ["a Linux spec with options for VMs", LINUX, HYPERVISOR, "linux-vm"],
    ["a HostProcess spec", HOST_PROCESS, PROCESS, "host-process"],
    ["a HostProcess spec with options for VMs", HOST_PROCESS, HYPERVISOR, "windows-vm"],
    ["a spec of neither system with options for VMs", {}, HYPERVISOR, "windows-vm"],
  ];
  for (const [name, document, options, expected] of CASES) {
    it(`is "${expected}" for ${name}`, () =>
      assert.equal(isolationOf(applyIsolationOptions(readSpec(document), options)), expected));
  }

  it("keeps what else the windows section says when it adds hyperv", () => {
    const spec = applyIsolationOptions(readSpec({ windows: { layerFolders: ["C:\\l"] } }), HYPERVISOR);
    assert.deepEqual(spec.document, { windows: { layerFolders: ["C:\\l"], hyperv: {} } });
  });

  for (const [name, document] of [
    ["a hyperv section", HYPERV],
    ["a Linux spec", LINUX],
  ] as const) {
    it(`refuses ${name} where other options are set without hypervisor isolation`, () =>
      assert.throws(() => applyIsolationOptions(readSpec(document), PROCESS), /SandboxIsolation: must be 1/));
  }

  it("refuses a spec of neither system", () => {
    assert.throws(() => isolationOf(readSpec({})), /must have a "windows" or a "linux" section/);
  });

  const PLATFORMS = [
    [WINDOWS, "windows/amd64", undefined],
    [LINUX, "linux/arm64/v8", undefined],
    [LINUX, "windows/amd64", /must be of linux/],
    [WINDOWS, "linux/amd64", /must be of windows/],
    [WINDOWS, "plan9/amd64", /must be a platform of Windows or Linux/],
    [WINDOWS, "windows/amd64/v2/x", /must be a platform of Windows or Linux/],
  ] as const;
  for (const [document, platform, refusal] of PLATFORMS) {
    it(`${refusal === undefined ? "takes" : "refuses"} platform "${platform}" for ${JSON.stringify(document)}`, () => {
      const apply = (): unknown => applyIsolationOptions(readSpec(document), { ...HYPERVISOR, platform });
      if (refusal === undefined) apply();
      else assert.throws(apply, refusal);
    });
  }
});

describe("checkPodIsolation", () => {
  it("takes containers that are isolated as their pod", () => {
    for (const isolation of ["linux-vm", "windows-vm", "windows-host", "host-process"] as const)
      checkPodIsolation(isolation, isolation);
  });

  it("takes a container without a word about isolation into its pod's VM", () => {
    checkPodIsolation("windows-vm", "windows-host");
  });

  const REFUSED: readonly (readonly [Isolation, Isolation])[] = [
    ["windows-vm", "host-process"],
    ["windows-vm", "linux-vm"],
    ["windows-host", "windows-vm"],
    ["host-process", "windows-host"],
    ["host-process", "windows-vm"],
    ["linux-vm", "windows-host"],
  ];
  for (const [pod, container] of REFUSED) {
    it(`refuses "${container}" in a pod that is "${pod}"`, () =>
      assert.throws(() => checkPodIsolation(pod, container), /must be isolated as its pod is/));
  }
});
