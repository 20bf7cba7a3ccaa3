import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandWrapper, shellWrapper } from "../../../../shim/client/wrappers.ts";

/** What shells and their writers get wrong. */
const TORTURE = [
  "two words",
  "",
  '"',
  "'",
  "%PATH%",
  "!x!",
  "^",
  "back\\",
  "$HOME",
  "`id`",
  "a\nb",
  "*",
  "--help",
];

describe("shellWrapper", () => {
  let directory: string;
  let tool: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "wrap 'it "));
    tool = join(directory, "tool");
    writeFileSync(
      tool,
      '#!/bin/sh\nfor each in "$@"; do printf "%s\\0" "$each"; done > "$0.args"\nexit 42\n',
    );
    chmodSync(tool, 0o755);
    mkdirSync(join(directory, "src/deep"), { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function run(cwd: string, args: readonly string[]): { status: number | null; given: string[] } {
    const script = join(directory, "script");
    const init = {
      containerId: "box",
      program: "/opt/my tool",
      args: ["fixed arg"],
      directories: [{ host: join(directory, "src"), container: "/srv" }],
      tool,
    };
    writeFileSync(script, shellWrapper(init));
    const { status } = spawnSync("sh", [script, ...args], { cwd });
    return { status, given: readFileSync(`${tool}.args`, "utf8").split("\0").slice(0, -1) };
  }

  it("hands every argument on unchanged, and the exit code back", () => {
    const { status, given } = run(directory, TORTURE);
    assert.equal(status, 42);
    assert.deepEqual(given, ["exec", "box", "--interactive", "--", "/opt/my tool", "fixed arg", ...TORTURE]);
  });

  it("takes the directory along where the container has it", () => {
    const { given } = run(join(directory, "src/deep"), ["x"]);
    assert.deepEqual(given.slice(3, 6), ["--workdir", "/srv/deep", "--"]);
  });

  it("is a script that sh takes", () => {
    execFileSync("sh", ["-n"], { input: shellWrapper({ containerId: "a", program: "b" }) });
  });
});

describe("commandWrapper", () => {
  it("quotes what is fixed and hands the rest on", () => {
    const text = commandWrapper({
      containerId: "box",
      program: "C:\\my tools\\x.exe",
      args: ["100%", "end\\"],
      directories: [{ host: "D:\\src", container: "C:\\work" }],
    });
    assert.equal(
      text,
      '@echo off\r\n"hcsctl" exec "box" --interactive --map "D:\\src=C:\\work" -- "C:\\my tools\\x.exe" "100%%" "end\\\\" %*\r\nexit /b %ERRORLEVEL%\r\n',
    );
  });

  it("refuses what a script cannot hold", () => {
    assert.throws(() => commandWrapper({ containerId: "a", program: 'b"c' }), /script of cmd.exe/);
  });
});
