import assert from "node:assert/strict";
import { Blake3 } from "../../../../../shim/agent/paths/blake3.ts";

/** Lengths of the input 0, 1, … 250, 0, 1, … and what the authors of BLAKE3 say it hashes to. */
const VECTORS: readonly (readonly [number, string])[] = [
  [0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  [1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"],
  [1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"],
  [1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  [1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"],
  [2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"],
  [2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"],
  [3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"],
  [3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"],
  [4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"],
  [4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"],
  [5121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"],
  [7168, "61da957ec2499a95d6b8023e2b0e604ec7f6b50e80a9678b89d2628e99ada77a"],
  [7169, "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"],
];

const input = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at % 251));

describe("Blake3", () => {
  for (const [length, hex] of VECTORS)
    it(`hashes ${length} bytes`, () =>
      assert.equal(new Blake3().update(input(length)).digest().toString("hex"), hex));

  it("does not mind how the input is cut", () => {
    for (const size of [1, 63, 64, 65, 1000, 1024, 5000]) {
      const hash = new Blake3();
      for (let at = 0; at < 7169; at += size) hash.update(input(7169).subarray(at, at + size));
      assert.equal(hash.digest().toString("hex"), VECTORS.at(-1)?.[1], `pieces of ${size}`);
    }
  });
  it("goes on after a digest", () => {
    const hash = new Blake3().update(input(1024));
    assert.equal(hash.digest().toString("hex"), VECTORS[3]?.[1]);
    assert.equal(hash.update(input(1025).subarray(1024)).digest().toString("hex"), VECTORS[4]?.[1]);
  });
});
