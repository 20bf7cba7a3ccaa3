import assert from "node:assert/strict";
import { SpecError } from "../../../../oci/errors.ts";
import { readSpec } from "../../../../oci/spec.ts";
import { hostPlacedMounts, vmPlacedMounts } from "../../../../oci/windows/mounts.ts";

const mounts = (...list: object[]) => readSpec({ mounts: list }).mounts;
const PIPE = "\\\\.\\pipe\\";

describe("hostPlacedMounts", () => {
  it("keeps paths as they are given, whatever their type", () => {
    assert.deepEqual(hostPlacedMounts(mounts({ source: "C:\\d/x", destination: "D:\\w", type: "bind" })), [
      { kind: "path", hostPath: "C:\\d/x", containerPath: "D:\\w", readOnly: false },
    ]);
  });

  for (const option of ["ro", "RO", "Ro"]) {
    it(`takes option ${option} for read-only`, () => {
      const [mount] = hostPlacedMounts(mounts({ source: "C:\\a", destination: "C:\\b", options: [option] }));
      assert.equal(mount?.kind === "path" && mount.readOnly, true);
    });
  }

  it("names pipes without their prefix, whose letter case does not matter", () => {
    const pipe = { source: `${PIPE}host`, destination: `${PIPE.toUpperCase()}inner\\name` };
    assert.deepEqual(hostPlacedMounts(mounts(pipe)), [
      { kind: "pipe", hostPath: `${PIPE}host`, containerPipeName: "inner\\name" },
    ]);
  });

  for (const missing of [
    { source: "C:\\a" },
    { destination: "C:\\a" },
    { source: "", destination: "C:\\a" },
  ]) {
    it(`refuses ${JSON.stringify(missing)}: both ends are needed`, () => {
      assert.throws(() => hostPlacedMounts(mounts(missing)), /a mount needs both ends/);
    });
  }

  for (const [source, destination] of [
    [`${PIPE}a`, "C:\\a"],
    ["C:\\a", `${PIPE}a`],
    [`uvm://${PIPE}a`, `${PIPE}a`],
    [`uvm://${PIPE}a`, "C:\\a"],
  ]) {
    it(`refuses ${source} as ${destination} as an invalid argument`, () => {
      assert.throws(
        () => hostPlacedMounts(mounts({ source, destination })),
        (error: unknown) => error instanceof SpecError && error.refusal === "invalid argument",
      );
    });
  }
});

describe("vmPlacedMounts", () => {
  const kinds = (...list: object[]) => vmPlacedMounts(mounts(...list)).map(({ kind }) => kind);

  for (const type of ["physical-disk", "virtual-disk", "extensible-virtual-disk"]) {
    it(`knows type ${type}`, () => {
      assert.deepEqual(kinds({ source: "C:\\d.vhdx", destination: "C:\\d", type }), ["disk"]);
    });
  }

  it("refuses every other type, bind too", () => {
    assert.throws(() => kinds({ source: "C:\\x", destination: "C:\\y", type: "bind" }), /\/mounts\/0\/type/);
  });

  it("puts sandbox:// below a directory of the VM", () => {
    const [mount] = vmPlacedMounts(mounts({ source: "sandbox:///shared/cache", destination: "C:\\c" }));
    assert.deepEqual(mount, {
      kind: "sandbox",
      guestPath: "C:\\SandboxMounts\\shared\\cache",
      containerPath: "C:\\c",
      readOnly: false,
    });
  });

  it("refuses sandbox:// paths that leave that directory", () => {
    const escape = { source: "sandbox://a/../../Windows", destination: "C:\\c" };
    assert.throws(() => kinds(escape), /must stay inside/);
  });

  it("knows pipes of the VM", () => {
    const pipe = { source: `uvm://${PIPE}a`, destination: `${PIPE}b` };
    assert.deepEqual(vmPlacedMounts(mounts(pipe)), [
      { kind: "vm-pipe", vmPipeName: "a", containerPipeName: "b" },
    ]);
  });

  it("refuses everything else of the VM", () => {
    assert.throws(() => kinds({ source: "uvm:///dir", destination: "C:\\y" }), /names pipes only/);
  });

  it("knows paths and pipes of the host", () => {
    assert.deepEqual(
      kinds({ source: "C:\\a", destination: "C:\\b" }, { source: `${PIPE}a`, destination: `${PIPE}b` }),
      ["path", "pipe"],
    );
  });
});
