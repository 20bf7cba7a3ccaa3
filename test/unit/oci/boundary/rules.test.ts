import assert from "node:assert/strict";
import type { ComputeSystemDocument } from "../../../../hcs/schema/compute-system.ts";
import { PLAN9_FLAG, PLAN9_SHARES, VSMB_SHARES, mappedPipePath } from "../../../../hcs/schema/modify.ts";
import { BOUNDARY_LEVELS, strongerLevel } from "../../../../oci/boundary/levels.ts";
import { documentWithin, requireWithin } from "../../../../oci/boundary/rules.ts";

function windowsVm(...shares: readonly { Name: string; ReadOnly: boolean }[]): ComputeSystemDocument {
  return {
    Owner: "test",
    SchemaVersion: { Major: 2, Minor: 1 },
    ShouldTerminateOnLastHandleClosed: true,
    VirtualMachine: {
      StopOnReset: true,
      Chipset: {},
      ComputeTopology: { Memory: { SizeInMB: 1024 }, Processor: { Count: 1 } },
      Devices: {
        Scsi: {},
        Plan9: {},
        VirtualSmb: {
          Shares: shares.map(({ Name, ReadOnly }) => ({ Name, Path: `C:\\${Name}`, Options: { ReadOnly } })),
        },
      },
    },
  };
}

const devicesOf = (document: ComputeSystemDocument): string[] =>
  Object.keys(document.VirtualMachine?.Devices ?? {});

describe("documentWithin", () => {
  it("leaves every document as it is at shared", () => {
    const document = windowsVm({ Name: "os", ReadOnly: false });
    assert.equal(documentWithin(document, "shared"), document);
  });

  it("takes both devices for shares out at strict", () => {
    assert.deepEqual(devicesOf(documentWithin(windowsVm(), "strict")), ["Scsi"]);
    const confidential = windowsVm({ Name: "defaultEmptyShare", ReadOnly: true });
    assert.deepEqual(devicesOf(documentWithin(confidential, "strict")), ["Scsi"]);
  });

  it("refuses a VM that boots from a share at strict, and says what would do", () => {
    assert.throws(
      () => documentWithin(windowsVm({ Name: "os", ReadOnly: true }), "strict"),
      /boots from share "os"; boot it from block CIMs/,
    );
  });

  it("takes read-only shares alone at no-data-smb", () => {
    const fine = windowsVm({ Name: "os", ReadOnly: true });
    assert.equal(documentWithin(fine, "no-data-smb"), fine);
    assert.throws(
      () => documentWithin(windowsVm({ Name: "os", ReadOnly: false }), "no-data-smb"),
      /"no-data-smb" .* share "os" of the VM is writable/,
    );
  });
});

describe("requireWithin", () => {
  const isPlatform = (path: string): boolean => path.startsWith("/layers/");
  const plan9 = (Path: string, readOnly: boolean): Parameters<typeof requireWithin>[0] => ({
    ResourcePath: PLAN9_SHARES,
    RequestType: "Add",
    Settings: { Path, Flags: readOnly ? PLAN9_FLAG.readOnly : 0 },
  });
  const smb = (Path: string, ReadOnly: boolean): Parameters<typeof requireWithin>[0] => ({
    ResourcePath: VSMB_SHARES,
    RequestType: "Add",
    Settings: { Path, Options: { ReadOnly } },
  });
  const pipe = {
    ResourcePath: mappedPipePath("\\\\.\\pipe\\x"),
    RequestType: "Add" as const,
  };
  const disk = {
    ResourcePath: "VirtualMachine/Devices/Scsi/0/Attachments/1",
    RequestType: "Add" as const,
    Settings: { Path: "/layers/x" },
  };

  /** Which levels let a request through. */
  const CASES: readonly (readonly [
    string,
    Parameters<typeof requireWithin>[0],
    readonly (typeof BOUNDARY_LEVELS)[number][],
  ])[] = [
    ["a writable directory over 9p", plan9("/data", false), ["shared"]],
    ["a read-only directory over 9p", plan9("/data", true), ["shared"]],
    ["a read-only layer over 9p", plan9("/layers/a", true), ["shared", "no-data-smb"]],
    ["a writable layer over SMB", smb("/layers/a", false), ["shared"]],
    ["a read-only layer over SMB", smb("/layers/a", true), ["shared", "no-data-smb"]],
    ["a read-only directory over SMB", smb("C:\\data", true), ["shared"]],
    ["a named pipe", pipe, ["shared"]],
    ["a disk", disk, ["shared", "no-data-smb", "strict"]],
    ["the removal of a share", { ...plan9("/data", false), RequestType: "Remove" }, BOUNDARY_LEVELS],
  ];
  for (const [name, request, allowed] of CASES) {
    for (const level of BOUNDARY_LEVELS) {
      const isAllowed = allowed.includes(level);
      it(`${isAllowed ? "lets" : "does not let"} ${name} into a VM at ${level}`, () => {
        const check = (): void => requireWithin(request, level, isPlatform);
        if (isAllowed) check();
        else assert.throws(check, /does not let this into the VM: .*; use a disk/);
      });
    }
  }
});

describe("strongerLevel", () => {
  it("is the one that lets less in", () => {
    assert.equal(strongerLevel("shared", "strict"), "strict");
    assert.equal(strongerLevel("strict", "no-data-smb"), "strict");
    assert.equal(strongerLevel("shared", "shared"), "shared");
  });
});
