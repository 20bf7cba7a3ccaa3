import assert from "node:assert/strict";
import { cimVolumeId, layerId } from "../../../../oci/windows/layer-id.ts";

describe("layerId", () => {
  // The first five are in public logs of Docker on Windows.
  const IDS: readonly (readonly [string, string])[] = [
    [
      "4e3c0eecb91d8fc28eda07ff06c6910a592b0ce4539476fb943b48e6934e9976",
      "cd22d128-903e-550a-9d8f-aa8134ca1c9b",
    ],
    [
      "2b31f86e7aea1cee80d77af24b362171cb06985b155bf2ff103f0a2cbfd941f6",
      "87ec27a6-f5e9-50c8-9ae1-161c316c0eca",
    ],
    [
      "2182f33c95a826e599846ac8963310870a225a52b733d3ea7ab2caa0148287e6",
      "d170642d-fe0d-5fca-b04e-a3b1139b984f",
    ],
    [
      "e2a46135ff011a2ef9f193590ccddde95806850a0cdd7638b913e003c28e7fd0",
      "8f9dd02a-0f67-598e-921b-59884f08b5af",
    ],
    [
      "3030b7a20c848d1553700c1ccf0369b0f5d9b3d9a4c37ea6652fd54809a60a07",
      "4d2dfb6d-2f3b-5926-adf1-4bd7e162b91f",
    ],
    ["1", "65ed1907-894d-50ff-bdcb-cc63fb515966"],
    ["42", "6d08839d-52eb-508f-9338-8c90aee603f3"],
  ];
  for (const [name, id] of IDS) it(`of ${name} is ${id}`, () => assert.equal(layerId(name), id));

  it("depends on the last component of the path alone", () => {
    assert.equal(layerId("C:\\snap\\1"), layerId("D:/else/where/1"));
  });
});

describe("cimVolumeId", () => {
  it("follows from the container's id", () => {
    assert.equal(cimVolumeId("cim1"), "980b6bd9-4f08-578e-8c4b-c60c1edc4617");
  });
});
