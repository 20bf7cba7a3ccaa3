import assert from "node:assert/strict";
import { readSpec } from "../../../../oci/spec.ts";
import { withLastingProcess } from "../../../../oci/windows/sandbox-process.ts";

const commandLine = (process: object) => withLastingProcess(readSpec({ process })).process?.commandLine;
const LASTING = "cmd /c ping -t 127.0.0.1 > nul";

describe("withLastingProcess", () => {
  it("keeps a bare command prompt from ending at once", () => {
    assert.equal(commandLine({ args: ["C:\\Windows\\System32\\CMD.exe"] }), LASTING);
    assert.equal(commandLine({ commandLine: "c:\\windows\\system32\\cmd.exe" }), LASTING);
  });
  it("leaves everything else alone", () => {
    assert.equal(commandLine({ args: ["c:\\windows\\system32\\cmd.exe", "/c"] }), undefined);
    assert.equal(commandLine({ args: ["cmd.exe"] }), undefined);
    assert.equal(withLastingProcess(readSpec({})).process, undefined);
  });
});
