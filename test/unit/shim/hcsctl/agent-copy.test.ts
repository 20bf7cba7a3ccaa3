import assert from "node:assert/strict";
import { readPlaces } from "../../../../shim/hcsctl/agent/cp.ts";
import { Progress } from "../../../../shim/hcsctl/agent/progress.ts";

describe("readPlaces", () => {
  it("tells which way a copy goes", () => {
    assert.deepEqual(readPlaces(["a", "web:/b"]), {
      direction: "put",
      id: "web",
      inside: "/b",
      outside: "a",
    });
    assert.deepEqual(readPlaces(["web:/b", "a"]), {
      direction: "get",
      id: "web",
      inside: "/b",
      outside: "a",
    });
    assert.deepEqual(readPlaces(["C:\\x", "web:C:\\b"]), {
      ...{ direction: "put", id: "web", inside: "C:\\b", outside: "C:\\x" },
    });
  });

  it("refuses none, and both", () => {
    assert.throws(() => readPlaces(["a", "b"]), /must be CONTAINER:PATH \(none is\)/);
    assert.throws(() => readPlaces(["one:/a", "two:/b"]), /\(both are\)/);
  });
});

describe("Progress", () => {
  const written = (isTTY: boolean): string => {
    let text = "";
    let now = 0;
    const stream = { isTTY, write: (chunk: string | Uint8Array) => ((text += String(chunk)), true) };
    {
      using progress = new Progress(stream, 4 << 20, () => (now += 500));
      progress.add(2 << 20);
      progress.note("going on");
    }
    return text;
  };

  it("draws a bar on a terminal", () => {
    assert.match(written(true), /\[#{15}-{15}\] 50 % {2}2\.0 MiB/);
  });

  it("is silent elsewhere, but for what everybody should know", () => {
    assert.equal(written(false), "going on\n");
  });
});
