import assert from "node:assert/strict";
import { guestProcess } from "../../../../oci/host-process/guest-process.ts";
import { readProcess, type Process, type Spec } from "../../../../oci/spec.ts";
import { HPC, INHERIT, inVm, linux, onHost } from "./specs.ts";

const TASK = inVm({ [HPC]: "true" });

function process(members: object): Process {
  return readProcess({ user: { username: "app" }, cwd: "C:\\", ...members }, "/process");
}

function commandLine(text: string, args?: readonly string[]): Process {
  return guestProcess(TASK, process({ commandLine: text, ...(args === undefined ? {} : { args }) }));
}

const UNCHANGED_LINES = [
  "cmd /c dir",
  "CMD /C whoami",
  "CmD /c ping 127.0.0.1",
  "cmd.exe /c ipconfig",
  "cmd.exe",
  "  cmd /c echo spaced",
  "   CMD /C echo spaced",
  "\tcmd /c x",
  "C:\\Windows\\System32\\cmd.exe /c echo hi",
  "c:/windows/system32/cmd.exe /c x",
  ".\\cmd.exe /c",
  "C:cmd /c x",
  "\\\\srv\\share\\cmd.exe /c",
];

const PREFIXED_LINES = [
  "echo hello",
  "cmdkey /list",
  "cmdtool foo",
  "    ",
  '"cmd" /c dir',
  '"C:\\Windows\\System32\\cmd.exe" /c x',
  '"C:\\Program Files\\cmd.exe" /c x',
  "cmd/c dir",
  "CMD.EXE/c x",
  "cmd. /c",
  "cmd.com",
  "'cmd' /c",
];

const UNCHANGED_ARGS = [
  ["cmd", "/c", "x"],
  ["CMD", "/C", "x"],
  ["Cmd", "/c"],
  ["  CMD  ", "/C"],
  ["cmd.exe", "/c"],
  ["C:\\Windows\\System32\\cmd.exe", "/c"],
  ["  C:\\Windows\\system32\\Cmd.exe ", "/c", "x"],
  [],
];

const PREFIXED_ARGS = [["echo", "hello"], ["cmdkey", "/list"], ['"cmd"', "/c"], ["cmd /c dir"], [""]];

describe("guestProcess", () => {
  describe("of a HostProcess container in a VM", () => {
    for (const text of UNCHANGED_LINES)
      it(`leaves the command line ${JSON.stringify(text)}`, () =>
        assert.equal(commandLine(text).commandLine, text));
    for (const text of PREFIXED_LINES) {
      it(`prefixes the command line ${JSON.stringify(text)}`, () =>
        assert.equal(commandLine(text).commandLine, `cmd /c ${text}`));
    }
    for (const args of UNCHANGED_ARGS)
      it(`leaves the arguments ${JSON.stringify(args)}`, () =>
        assert.deepEqual(guestProcess(TASK, process({ args })).args, args));
    for (const args of PREFIXED_ARGS) {
      it(`prefixes the arguments ${JSON.stringify(args)}`, () =>
        assert.deepEqual(guestProcess(TASK, process({ args })).args, ["cmd", "/c", ...args]));
    }

    it("prefixes a command line and leaves the arguments that come with it", () => {
      const { commandLine: line, args } = commandLine("foo", ["bar"]);
      assert.deepEqual([line, args], ["cmd /c foo", ["bar"]]);
    });

    it("takes an empty command line for none", () => {
      const rewritten = commandLine("", ["foo"]);
      assert.deepEqual([rewritten.commandLine, rewritten.args], ["", ["cmd", "/c", "foo"]]);
    });

    for (const username of ["", "testUser"]) {
      it(`runs as SYSTEM instead of ${JSON.stringify(username)} where the task inherits its user`, () => {
        const task = inVm({ [HPC]: "true", [INHERIT]: "true" });
        assert.equal(guestProcess(task, process({ user: { username } })).username, "NT AUTHORITY\\SYSTEM");
      });
    }

    for (const text of ["false", "True", "1", ""]) {
      it(`keeps the user where the annotation is ${JSON.stringify(text)}`, () => {
        const task = inVm({ [HPC]: "true", [INHERIT]: text });
        assert.equal(guestProcess(task, process({})).username, "app");
      });
    }
  });

  const OTHERS: readonly (readonly [string, Spec])[] = [
    ["an ordinary container in a VM", inVm({ [INHERIT]: "true" })],
    ["an ordinary container of the host", onHost({})],
    ["a HostProcess container of the host", onHost({ [HPC]: "true", [INHERIT]: "true" })],
    ["a Linux container", linux({ [HPC]: "true", [INHERIT]: "true" })],
  ];
  for (const [name, task] of OTHERS) {
    it(`leaves the processes of ${name} alone`, () => {
      const given = process({ args: ["echo", "x"] });
      assert.equal(guestProcess(task, given), given);
    });
  }
});
