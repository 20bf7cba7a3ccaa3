import assert from "node:assert/strict";
import { readProcess } from "../../../../oci/spec.ts";
import { environmentOf, windowsProcessParameters } from "../../../../oci/windows/process-parameters.ts";

const NO_STREAMS = { stdin: false, stdout: false, stderr: false };
const parameters = (process: object, streams: object = {}) =>
  windowsProcessParameters(readProcess(process, "/process"), { ...NO_STREAMS, ...streams });

describe("windowsProcessParameters", () => {
  it("leaves everything out that is empty", () => {
    assert.deepEqual(parameters({ args: ["a.exe"], user: { username: "" }, cwd: "", env: ["A="] }), {
      CommandLine: "a.exe",
    });
  });

  it("prefers the command line to the arguments", () => {
    assert.deepEqual(parameters({ args: ["ignored.exe"], commandLine: 'cmd /c "echo hi"' }), {
      CommandLine: 'cmd /c "echo hi"',
    });
  });

  it("writes a console's size as height and width", () => {
    assert.deepEqual(parameters({ args: ["cmd"], terminal: true, consoleSize: { height: 40, width: 120 } }), {
      CommandLine: "cmd",
      EmulateConsole: true,
      ConsoleSize: [40, 120],
    });
  });

  it("asks for the streams the client has", () => {
    assert.deepEqual(parameters({ args: ["a"] }, { stdin: true, stderr: true }), {
      CommandLine: "a",
      CreateStdInPipe: true,
      CreateStdErrPipe: true,
    });
  });

  it("carries user, directory and environment", () => {
    assert.deepEqual(parameters({ args: ["a"], user: { username: "u" }, cwd: "C:\\w", env: ["A=b"] }), {
      CommandLine: "a",
      User: "u",
      WorkingDirectory: "C:\\w",
      Environment: { A: "b" },
    });
  });
});

describe("environmentOf", () => {
  it("splits at the first equals sign", () => {
    assert.deepEqual(environmentOf(["PATHX=a=b"]), { PATHX: "a=b" });
  });

  it("drops entries without a value", () => {
    assert.deepEqual(environmentOf(["EMPTY=", "BARE", ""]), {});
  });

  it("lets later entries win", () => {
    assert.deepEqual(environmentOf(["A=1", "B=2", "A=3"]), { A: "3", B: "2" });
  });
});
