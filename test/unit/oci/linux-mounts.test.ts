import assert from "node:assert/strict";
import { SpecError } from "../../../oci/errors.ts";
import { linuxMounts } from "../../../oci/linux-mounts.ts";
import { readSpec } from "../../../oci/spec.ts";

const ROOT = "/run/gcs/c/c1";

describe("linuxMounts", () => {
  it("are the bind mounts whose source is on the host, with their index", () => {
    const spec = readSpec({
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/rw", type: "bind", source: "/host/rw", options: ["rbind"] },
        { destination: "/ro", type: "bind", source: "/host/ro", options: ["rbind", "RO"] },
        { destination: "/sb", type: "bind", source: "sandbox:///cache" },
        { destination: "/tmp", type: "bind", source: "sandbox-tmp:///x" },
        { destination: "/vm", type: "bind", source: "uvm:///run/x" },
        { destination: "/huge", type: "bind", source: "hugepages://2M/pool" },
        { destination: "/untyped", source: "/host/u", options: ["rbind"] },
      ],
    });
    const share = (index: number, source: string, readOnly: boolean): object => ({
      kind: "share",
      index,
      source,
      readOnly,
      guestDirectory: `${ROOT}/mounts/m${index}`,
    });
    assert.deepEqual(linuxMounts(spec, ROOT), [
      share(1, "/host/rw", false),
      share(2, "/host/ro", true),
      share(7, "/host/u", false),
    ]);
  });

  it("are disks, attached as their type says", () => {
    const spec = readSpec({
      mounts: [
        { destination: "/v", type: "virtual-disk", source: "C:\\d.vhdx", options: ["ro", "noatime"] },
        { destination: "blockdev:///dev/x", type: "physical-disk", source: "\\\\.\\PHYSICALDRIVE3" },
        { destination: "/e", type: "extensible-virtual-disk", source: "evd://vendor/some/path" },
      ],
    });
    const disk = { kind: "disk", readOnly: false, blockDevice: false, options: [], needsAccess: true };
    assert.deepEqual(linuxMounts(spec, ROOT), [
      {
        ...disk,
        index: 0,
        readOnly: true,
        options: ["ro", "noatime"],
        disk: { Type: "VirtualDisk", Path: "C:\\d.vhdx", ReadOnly: true },
      },
      {
        ...disk,
        index: 1,
        blockDevice: true,
        disk: { Type: "PassThru", Path: "\\\\.\\PHYSICALDRIVE3" },
      },
      {
        ...disk,
        index: 2,
        needsAccess: false,
        disk: {
          Type: "ExtensibleVirtualDisk",
          Path: "some/path",
          ExtensibleVirtualDiskType: "vendor",
        },
      },
    ]);
  });

  const REFUSED: readonly (readonly [string, object])[] = [
    ["huge pages of another size", { type: "bind", source: "hugepages://1G/pool" }],
    ["huge pages without a name", { type: "bind", source: "hugepages://2M" }],
    ["a bind mount of nothing", { type: "bind" }],
    ["a disk without a source", { type: "virtual-disk", source: "" }],
    ["an extensible disk without a provider", { type: "extensible-virtual-disk", source: "evd:///path" }],
    ["an extensible disk by another scheme", { type: "extensible-virtual-disk", source: "C:\\d.vhdx" }],
  ];
  for (const [what, mount] of REFUSED) {
    it(`refuse ${what}`, () => {
      const spec = readSpec({ mounts: [{ destination: "/x", ...mount }] });
      assert.throws(() => linuxMounts(spec, ROOT), SpecError);
    });
  }

  it("refuse named pipes by the field, its value, and what to do instead", () => {
    const source = "\\\\.\\pipe\\docker_engine";
    for (const mount of [
      { destination: "/run/docker.sock", type: "bind", source },
      { destination: "/run/docker.sock", source },
    ])
      assert.throws(
        () => linuxMounts(readSpec({ mounts: [mount] }), ROOT),
        /\/mounts\/0\/source.*must be no named pipe.*share a directory.*docker_engine/,
      );
    assert.throws(
      () => linuxMounts(readSpec({ mounts: [{ destination: source, type: "bind", source: "/x" }] }), ROOT),
      /\/mounts\/0\/destination/,
    );
  });
});
