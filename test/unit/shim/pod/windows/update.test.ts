import assert from "node:assert/strict";
import { ShimError } from "../../../../../shim/errors.ts";
import { updateWindowsContainer, type UpdateTarget } from "../../../../../shim/pod/windows/update.ts";

const PIPE = "\\\\.\\pipe\\p";

function target(more: Partial<UpdateTarget> = {}) {
  const calls: unknown[] = [];
  const kinds: string[] = [];
  const given: UpdateTarget = {
    id: "c1",
    build: 20348,
    processors: 8,
    modify: async ({ ResourcePath, Settings }) => void calls.push([ResourcePath, Settings]),
    setAffinity: async (affinity) => void calls.push(["affinity", affinity]),
    addMount: async (mount) => void calls.push(["mount", mount]),
    warn: (warnings) => void kinds.push(...warnings.map(({ kind }) => kind)),
    ...more,
  };
  return { given, calls, kinds };
}

async function update(kind: string, resources: unknown, more: Partial<UpdateTarget> = {}) {
  const { given, calls, kinds } = target(more);
  await updateWindowsContainer(given, kind, resources, new AbortController().signal);
  return { calls, kinds };
}
const resources = (value: object, more?: Partial<UpdateTarget>) => update("WindowsResources", value, more);
const isUnsupported = (error: unknown): boolean => error instanceof ShimError && error.code === "UNSUPPORTED";

describe("updateWindowsContainer", () => {
  it("raises memory to even MiB, and says so", async () => {
    const { calls, kinds } = await resources({ memory: { limit: 513 * 1024 ** 2 + 1 } });
    assert.deepEqual(calls, [["Container/Memory/SizeInMB", 514]]);
    assert.deepEqual(kinds, ["memory-aligned-to-even-MB"]);
  });

  it("changes memory before processors before affinity", async () => {
    const affinity = [{ mask: 3, group: 0 }];
    const { calls } = await resources({ memory: { limit: 2 ** 30 }, cpu: { count: 2, affinity } });
    assert.deepEqual(calls, [
      ["Container/Memory/SizeInMB", 1024],
      ["Container/Processor", { Count: 2 }],
      ["affinity", affinity],
    ]);
  });

  const PROCESSORS: readonly (readonly [object, unknown])[] = [
    [{ count: 2 }, { Count: 2 }],
    [{ count: 32 }, { Count: 8 }],
    [{ shares: 5 }, { Weight: 5 }],
    [{ maximum: 3000 }, { Maximum: 3000 }],
  ];
  for (const [cpu, settings] of PROCESSORS) {
    it(`makes ${JSON.stringify(settings)} of ${JSON.stringify(cpu)}`, async () => {
      assert.deepEqual((await resources({ cpu })).calls, [["Container/Processor", settings]]);
    });
  }

  it("sets only the affinity where nothing else is asked for", async () => {
    const affinity = [{ mask: 1, group: 0 }];
    assert.deepEqual((await resources({ cpu: { affinity } })).calls, [["affinity", affinity]]);
  });

  for (const cpu of [{}, { count: 1, shares: 1 }, { affinity: [] }]) {
    it(`refuses ${JSON.stringify(cpu)}, and changes nothing else either`, async () => {
      const { given, calls } = target();
      const both = { memory: { limit: 2 ** 30 }, cpu };
      const signal = new AbortController().signal;
      await assert.rejects(
        updateWindowsContainer(given, "WindowsResources", both, signal),
        /\/resources\/cpu/,
      );
      assert.deepEqual(calls, []);
    });
  }

  it("cannot change processors before build 19042, nor choose them in a VM", async () => {
    await assert.rejects(resources({ cpu: { count: 1 } }, { build: 17763 }), isUnsupported);
    const { setAffinity: _none, ...vm } = target().given;
    const cpu = { affinity: [{ mask: 1, group: 0 }] };
    const signal = new AbortController().signal;
    await assert.rejects(updateWindowsContainer(vm, "WindowsResources", { cpu }, signal), isUnsupported);
  });

  it("adds a directory of the host", async () => {
    const mount = { HostPath: "C:\\hot", ContainerPath: "C:\\in", ReadOnly: true };
    assert.deepEqual((await update("ContainerMount", mount)).calls, [
      ["mount", { hostPath: "C:\\hot", containerPath: "C:\\in", readOnly: true }],
    ]);
  });

  for (const mount of [
    { ContainerPath: "C:\\in" },
    { HostPath: "C:\\hot" },
    { HostPath: "C:\\hot", ContainerPath: "C:\\in", Type: "virtual-disk" },
    ...[PIPE, "sandbox://a", "sandbox-tmp://a", "hugepages://a", "uvm://a"].map((HostPath) => ({
      HostPath,
      ContainerPath: "C:\\in",
    })),
  ]) {
    it(`refuses mount ${JSON.stringify(mount)}`, async () => {
      await assert.rejects(update("ContainerMount", mount), { name: "SpecError" });
    });
  }

  it("cannot add a directory before build 17763", async () => {
    const mount = { HostPath: "C:\\hot", ContainerPath: "C:\\in" };
    await assert.rejects(update("ContainerMount", mount, { build: 17134 }), isUnsupported);
  });

  for (const kind of ["LinuxResources", "PolicyFragment", "Process", "constructor"]) {
    it(`refuses ${kind}`, async () => {
      await assert.rejects(update(kind, {}), /must be WindowsResources or ContainerMount/);
    });
  }
});
