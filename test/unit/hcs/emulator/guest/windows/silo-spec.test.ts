import assert from "node:assert/strict";
import { encodeRequest } from "../../../../../../hcs/emulator/guest/windows/launch.ts";
import { imageName, ntPath, siloResources } from "../../../../../../hcs/emulator/guest/windows/silo-spec.ts";

describe("a silo", () => {
  it("limits nothing that the document does not", () => {
    const devices = [{ allow: false, access: "rwm" }];
    assert.deepEqual(siloResources({ memoryMb: 0, processors: 0, weight: 0 }), { devices });
    assert.deepEqual(siloResources({ memoryMb: 512, processors: 0.5, weight: 200 }), {
      devices,
      memory: { limit: 512 * 1024 ** 2 },
      cpu: { period: 100_000, quota: 50_000, shares: 2048 },
    });
  });

  for (const [line, name] of [
    ["cmd /c dir", "cmd.exe"],
    ['"C:\\Program Files\\x y.exe" a', "x y.exe"],
    ["C:\\windows\\system32\\services.exe", "services.exe"],
    ["C:\\windows\\system32\\svchost.exe\0-k\0x", "svchost.exe"],
    ["tool.com", "tool.com"],
  ] as const) {
    it(`lists ${JSON.stringify(line)} as ${name}`, () => assert.equal(imageName(line), name));
  }

  it("hands its launcher texts that each end with a NUL", () => {
    const request = { commandLine: "cmd", workingDirectory: "C:\\", environment: { A: "é", B: "" } };
    assert.equal(encodeRequest(request).toString("utf16le"), "cmd\0C:\\\0A=é\0B=\0");
    assert.equal(ntPath("/run/hcs/p1"), "\\\\?\\unix\\run\\hcs\\p1");
  });
});
