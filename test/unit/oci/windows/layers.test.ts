import assert from "node:assert/strict";
import { SpecError } from "../../../../oci/errors.ts";
import type { RootfsMount } from "../../../../oci/rootfs.ts";
import { imageLayers } from "../../../../oci/windows/layers.ts";

const mount = (type: string, ...options: string[]): RootfsMount => ({
  type,
  source: "C:\\snap\\c1",
  target: "",
  options,
});
const PARENTS = 'parentLayerPaths=["C:\\\\snap\\\\2","C:\\\\snap\\\\1"]';

describe("imageLayers", () => {
  it("reads the parents of windows-layer, uppermost first", () => {
    assert.deepEqual(imageLayers([mount("windows-layer", "rw", PARENTS)], []), {
      kind: "folders",
      scratch: "C:\\snap\\c1",
      parents: ["C:\\snap\\2", "C:\\snap\\1"],
    });
  });

  it("takes the scratch from the end of layerFolders", () => {
    assert.deepEqual(imageLayers([], ["C:\\2", "C:\\1", "C:\\s"]), {
      kind: "folders",
      scratch: "C:\\s",
      parents: ["C:\\2", "C:\\1"],
    });
  });

  it("pairs folders and CIMs of CimFS", () => {
    assert.deepEqual(
      imageLayers([mount("CimFS", PARENTS, 'parentCimPaths=["C:\\\\2.cim","C:\\\\1.cim"]')], []),
      {
        kind: "forked-cims",
        scratch: "C:\\snap\\c1",
        parents: [
          { folder: "C:\\snap\\2", cim: "C:\\2.cim" },
          { folder: "C:\\snap\\1", cim: "C:\\1.cim" },
        ],
      },
    );
  });

  it("splits paths of block CIMs into device and name", () => {
    const options = [
      'parentCimPaths=["C:\\\\a.bcim\\\\x.cim","C:\\\\b.bcim\\\\y.cim"]',
      "blockCIMType=file",
      "mergedCIMPath=C:\\m.bcim\\merged.cim",
    ];
    assert.deepEqual(imageLayers([mount("BlockCIM", ...options)], []), {
      kind: "block-cims",
      scratch: "C:\\snap\\c1",
      block: "file",
      parents: [
        { blockPath: "C:\\a.bcim", name: "x.cim" },
        { blockPath: "C:\\b.bcim", name: "y.cim" },
      ],
      merged: { blockPath: "C:\\m.bcim", name: "merged.cim" },
    });
  });

  const one = mount("windows-layer", PARENTS);
  const PRECONDITIONS: readonly (readonly [string, RootfsMount[], string[]])[] = [
    ["rootfs and layerFolders", [one], ["C:\\1", "C:\\s"]],
    ["neither rootfs nor layerFolders", [], []],
    ["two mounts", [one, one], []],
    ["a mount with a target", [{ ...one, target: "C:\\t" }], []],
    ["one layer folder", [], ["C:\\1"]],
  ];
  for (const [what, rootfs, folders] of PRECONDITIONS) {
    it(`refuses ${what} as a failed precondition`, () => {
      assert.throws(
        () => imageLayers(rootfs, folders),
        (error: unknown) => error instanceof SpecError && error.refusal === "failed precondition",
      );
    });
  }

  const ERRORS: readonly (readonly [string, RootfsMount, RegExp])[] = [
    ["an unknown type", mount("overlay", PARENTS), /unsupported mount type/],
    ["a type that is a member of every object", mount("constructor"), /unsupported mount type/],
    ["parents that are no JSON", mount("windows-layer", "parentLayerPaths=["), /is not JSON/],
    ["parents that are no paths", mount("windows-layer", "parentLayerPaths=[1]"), /array of paths/],
    ["CimFS without CIMs", mount("CimFS", PARENTS), /must name a CIM for each/],
    ["CimFS without anything", mount("CimFS"), /must name a CIM for each/],
    ["BlockCIM without a block type", mount("BlockCIM", 'parentCimPaths=["C:\\\\a\\\\b"]'), /blockCIMType/],
    [
      "BlockCIM with another block type",
      mount("BlockCIM", 'parentCimPaths=["C:\\\\a\\\\b"]', "blockCIMType=tape"),
      /"device" or "file"/,
    ],
    ["BlockCIM without parents", mount("BlockCIM", "blockCIMType=device"), /must name a CIM at least/],
    [
      "several BlockCIM parents without a merged one",
      mount("BlockCIM", 'parentCimPaths=["C:\\\\a\\\\b","C:\\\\c\\\\d"]', "blockCIMType=device"),
      /mergedCIMPath/,
    ],
  ];
  for (const [what, rootfs, message] of ERRORS) {
    it(`refuses ${what}`, () => assert.throws(() => imageLayers([rootfs], []), message));
  }
});
