import assert from "node:assert/strict";
import fc from "fast-check";
import { SpecError } from "../../../../oci/errors.ts";
import { readPortMappings } from "../../../../oci/network/port-mappings.ts";

const at = "/network/ports";

describe("readPortMappings", () => {
  for (const [text, expected] of [
    ["", []],
    [" , ", []],
    ["8080:80", [{ protocol: "tcp", hostPort: 8080, containerPort: 80 }]],
    [
      "53:5353/UDP, 53:5353/tcp",
      [
        { protocol: "udp", hostPort: 53, containerPort: 5353 },
        { protocol: "tcp", hostPort: 53, containerPort: 5353 },
      ],
    ],
    ["65535:1", [{ protocol: "tcp", hostPort: 65_535, containerPort: 1 }]],
  ] as const) {
    it(`reads "${text}"`, () => {
      assert.deepEqual(readPortMappings(text, at), expected);
    });
  }

  for (const text of [
    "80",
    "0:80",
    "80:0",
    "65536:80",
    "80:65536",
    "80:80/sctp",
    "80:80:80",
    "-1:80",
    "8e1:80",
    "1:1;2:2",
  ]) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => readPortMappings(text, at), {
        name: "SpecError",
        refusal: "invalid argument",
        message: `invalid ${at}: must be host port:container port[/tcp|udp], ports being 1 to 65535 (found "${text}")`,
      });
    });
  }

  it("refuses to give a port of the host away twice", () => {
    assert.throws(() => readPortMappings("80:1,80:2/tcp", at), {
      message: `invalid ${at}: must not give a port of the host to several ports of the container (found "80/tcp")`,
    });
  });

  it("throws nothing but SpecError", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("1", "80", "99999", ":", ",", "/", "tcp", "udp", " ") }),
        (text) => {
          try {
            for (const { hostPort, containerPort } of readPortMappings(text, at))
              for (const port of [hostPort, containerPort]) assert.ok(port >= 1 && port <= 65_535);
          } catch (error) {
            assert.ok(error instanceof SpecError);
          }
        },
      ),
    );
  });
});
