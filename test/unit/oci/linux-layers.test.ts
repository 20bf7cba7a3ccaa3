import assert from "node:assert/strict";
import { SpecError } from "../../../oci/errors.ts";
import { linuxLayers } from "../../../oci/linux-layers.ts";

const mount = (type: string, options: string[], source = "C:\\snap\\c1") => [
  { type, source, target: "", options },
];

describe("linuxLayers", () => {
  it("are the disks in the folders of a mount, uppermost first", () => {
    const options = ["rw", 'parentLayerPaths=["C:\\\\snap\\\\2","C:\\\\snap\\\\1"]'];
    assert.deepEqual(linuxLayers(mount("lcow-layer", options), []), {
      layers: [
        { path: "C:\\snap\\2\\layer.vhd", partition: 0 },
        { path: "C:\\snap\\1\\layer.vhd", partition: 0 },
      ],
      scratch: "C:\\snap\\c1\\sandbox.vhdx",
    });
  });

  it("are the disks in the layer folders of a spec, the scratch last", () => {
    assert.deepEqual(linuxLayers([], ["C:\\l", "C:\\s"]), {
      layers: [{ path: "C:\\l\\layer.vhd", partition: 0 }],
      scratch: "C:\\s\\sandbox.vhdx",
    });
  });

  it("are partitions of disks that images share", () => {
    const options = [
      "scratch=C:\\s.vhdx",
      'parent-partitioned-layers=[{"Path":"C:\\\\i.vhd","Partition":3},{"Path":"C:\\\\j.vhd"}]',
    ];
    assert.deepEqual(linuxLayers(mount("lcow-partitioned-layer", options, ""), []), {
      layers: [
        { path: "C:\\i.vhd", partition: 3 },
        { path: "C:\\j.vhd", partition: 0 },
      ],
      scratch: "C:\\s.vhdx",
    });
  });

  const REFUSED: readonly (readonly [string, ReturnType<typeof mount>, string[]])[] = [
    ["nothing at all", [], []],
    ["mounts and folders", mount("lcow-layer", []), ["a", "b"]],
    ["two mounts", [...mount("lcow-layer", []), ...mount("lcow-layer", [])], []],
    ["one folder", [], ["a"]],
    ["a mount of another type", mount("windows-layer", []), []],
    ["a type that objects have anyway", mount("constructor", []), []],
    ["parents that are no JSON", mount("lcow-layer", ["parentLayerPaths=[1"]), []],
    ["partitions with another option", mount("lcow-partitioned-layer", ["rw", "scratch=s"]), []],
    ["partitions without a scratch", mount("lcow-partitioned-layer", []), []],
    [
      "a partition that is no number",
      mount("lcow-partitioned-layer", [
        "scratch=s",
        'parent-partitioned-layers=[{"Path":"p","Partition":-1}]',
      ]),
      [],
    ],
    [
      "a partition of no disk",
      mount("lcow-partitioned-layer", ["scratch=s", "parent-partitioned-layers=[{}]"]),
      [],
    ],
  ];
  for (const [what, rootfs, folders] of REFUSED) {
    it(`refuse ${what}`, () => assert.throws(() => linuxLayers(rootfs, folders), SpecError));
  }
});
