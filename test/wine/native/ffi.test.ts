/** The FFI foundation on the real DLLs of Wine and on the stand-ins. */
import assert from "node:assert/strict";
import { Lane } from "../../../hcs/win32/ffi/lane.ts";
import type { HcsError } from "../../../hcs/errors.ts";
import { COMPUTECORE } from "../../../hcs/win32/ffi/libraries/computecore.ts";
import { KERNEL32 } from "../../../hcs/win32/ffi/libraries/kernel32.ts";
import { Library } from "../../../hcs/win32/ffi/library.ts";
import { out } from "../../../hcs/win32/ffi/types.ts";
import { readText, takeText } from "../../../hcs/win32/ffi/memory.ts";
import { hcsError } from "../../contract/under-test.ts";
import { ask, PLATFORM } from "./rig.ts";

describe("Library", () => {
  before(() => ask("useScripted", { platform: PLATFORM, files: [] }));
  const computecore = new Library(COMPUTECORE, new Lane("test", 2));

  it("calls a function off the event loop, and frees what it answers", async () => {
    const result = out();
    const query = '{"PropertyTypes":["ProcessorTopology"]}';
    assert.equal(await computecore.run("HcsGetServiceProperties", [query, result]), 0);
    assert.deepEqual(JSON.parse(takeText(result[0]) ?? ""), { Properties: [{ LogicalProcessorCount: 8 }] });
    const [report] = await ask("report", process.pid);
    assert.equal(report?.counts["results"], 0);
  });

  it("names what a DLL that Windows lacks is needed for, and the first build that has it", async () => {
    const missing = new Library({ ...COMPUTECORE, file: "nosuch.dll" }, new Lane("test", 1));
    assert.equal(missing.has("HcsCreateOperation"), false);
    assert.throws(
      () => missing.call("HcsCreateOperation", 0, 0),
      hcsError(
        withCode(0x8007_007e),
        "this Windows has no nosuch.dll, which is needed for compute systems: Windows has it since build 17763 (Windows Server 2019)",
      ),
    );
  });

  it("names what a function that Windows lacks is needed for, and the first build that has it", async () => {
    const older = new Library(
      {
        ...KERNEL32,
        functions: { NoSuchFunction: "i32 (handle object)" },
        facts: { NoSuchFunction: { since: 26100, feature: "what is new" } },
      } as const,
      new Lane("test", 1),
    );
    assert.equal(older.has("NoSuchFunction"), false);
    await assert.rejects(
      older.run("NoSuchFunction", [0]),
      hcsError(
        withCode(0x8007_007f),
        "kernel32.dll has no function NoSuchFunction, which is needed for what is new: Windows has it since build 26100 (Windows Server 2025)",
      ),
    );
  });

  it("writes and reads UTF-16 as it is, lone surrogates too", () => {
    const exact = "grüße \u{1f433} \ud800 end";
    const memory = Buffer.from(`${exact}\0`, "utf16le");
    const text = new Library(
      {
        ...KERNEL32,
        functions: { lstrlenW: "i32 (text value)", lstrcpyW: "handle (buffer to, text from)" },
      } as const,
      new Lane("test", 1),
    );
    assert.equal(text.call("lstrlenW", exact), exact.length);
    const copy = Buffer.alloc(memory.length, 0xff);
    const address = text.call("lstrcpyW", copy, exact);
    assert.deepEqual(copy, memory);
    assert.equal(readText(address), exact);
  });

  it("keeps the memory of a call alive until it returns", async () => {
    // The service holds the call back while garbage is collected all around its result's place.
    await ask("addFault", { function: "HcsGetServiceProperties", action: "hang", times: 8 });
    const wide = new Library(COMPUTECORE, new Lane("test", 2));
    const answers = Array.from({ length: 8 }, async () => {
      const place = out();
      assert.equal(await wide.run("HcsGetServiceProperties", ["{}", place]), 0);
      return takeText(place[0]);
    });
    for (let round = 0; round < 20; round++) {
      Array.from({ length: 1000 }, () => Buffer.alloc(64));
      globalThis.gc?.();
    }
    await ask("clearFaults");
    for (const answer of await Promise.all(answers))
      assert.deepEqual(JSON.parse(answer ?? ""), { Properties: [] });
  });
});

function withCode(hresult: number) {
  return (error: unknown) => (error as HcsError).hresult === hresult;
}
