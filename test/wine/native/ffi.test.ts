/** The FFI foundation on the real DLLs of Wine and on the stand-ins. */
import assert from "node:assert/strict";
import { Lane } from "../../../hcs/win32/ffi/lane.ts";
import { COMPUTECORE } from "../../../hcs/win32/ffi/libraries/computecore.ts";
import { Library } from "../../../hcs/win32/ffi/library.ts";
import { out } from "../../../hcs/win32/ffi/types.ts";
import { takeText } from "../../../hcs/win32/ffi/memory.ts";
import { ask, PLATFORM } from "./rig.ts";

describe("Library", () => {
  before(() => ask("useScripted", { platform: PLATFORM, files: [] }));
  const computecore = new Library(COMPUTECORE, new Lane("test", 2));

  it("calls a function off the event loop, and frees what it answers", async () => {
    const result = out();
    const query = '{"PropertyTypes":["ProcessorTopology"]}';
    assert.equal(await computecore.run("HcsGetServiceProperties", [query, result]), 0);
    assert.deepEqual(JSON.parse(takeText(result[0]) ?? ""), { Properties: [{ LogicalProcessorCount: 8 }] });
    const [report] = await ask("report");
    assert.equal(report?.counts["results"], 0);
  });
});
