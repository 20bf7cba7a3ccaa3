import assert from "node:assert/strict";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";

describe("vsockServiceId", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "00000000-facb-11e6-bd58-64006a7986d3"],
    [LINUX_GUEST_PORT.entropy, "00000001-facb-11e6-bd58-64006a7986d3"],
    [LINUX_GUEST_PORT.log, "0000006d-facb-11e6-bd58-64006a7986d3"],
    [LINUX_GUEST_PORT.plan9, "00000234-facb-11e6-bd58-64006a7986d3"],
    [LINUX_GUEST_PORT.bridge, "40000000-facb-11e6-bd58-64006a7986d3"],
    [LINUX_GUEST_PORT.firstStdio, "40000001-facb-11e6-bd58-64006a7986d3"],
    [17727, "0000453f-facb-11e6-bd58-64006a7986d3"],
    [0xffff_ffff, "ffffffff-facb-11e6-bd58-64006a7986d3"],
  ];
  for (const [port, id] of cases)
    it(`gives port ${port} ${id}`, () => assert.equal(vsockServiceId(port), id));

  for (const port of [-1, 0x1_0000_0000, 1.5, Number.NaN]) {
    it(`refuses port ${port}`, () => assert.throws(() => vsockServiceId(port), /vsock port out of range/));
  }
});
