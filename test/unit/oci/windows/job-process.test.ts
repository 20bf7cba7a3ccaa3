import assert from "node:assert/strict";
import type { JobRoot } from "../../../../oci/job-plan.ts";
import { readProcess } from "../../../../oci/spec.ts";
import { jobProcess, programCandidates, programPaths } from "../../../../oci/windows/job-process.ts";

const BOUND: JobRoot = { path: "C:\\hpc\\", isPrivate: true };
const LINKED: JobRoot = { path: "C:\\hpc\\c1\\", isPrivate: false };
const USER = ["PATH=C:\\Windows\\system32;C:\\Windows", "SystemRoot=C:\\Windows"];
const plan = (process: object, root = BOUND, user: readonly string[] = USER) =>
  jobProcess(readProcess(process, "/process"), root, user);

describe("jobProcess", () => {
  it("works in its root unless told otherwise", () => {
    assert.equal(plan({ args: ["a"] }).workingDirectory, "C:\\hpc\\");
  });

  const DIRECTORIES: readonly (readonly [string, JobRoot, string])[] = [
    ["C:\\w", BOUND, "C:\\w"],
    ["%CONTAINER_SANDBOX_MOUNT_POINT%\\bin", BOUND, "C:\\hpc\\bin"],
    ["$env:CONTAINER_SANDBOX_MOUNT_POINT\\bin", LINKED, "C:\\hpc\\c1\\bin"],
    ["C:\\w", LINKED, "C:\\hpc\\c1\\w"],
    ["C:", LINKED, "C:\\hpc\\c1\\"],
  ];
  for (const [cwd, root, expected] of DIRECTORIES) {
    it(`works in ${expected} for ${cwd} when its root is ${root.path}`, () => {
      assert.equal(plan({ args: ["a"], cwd }, root).workingDirectory, expected);
    });
  }

  it("goes by way of cmd when only the container sees its files", () => {
    assert.equal(plan({ args: ["cmd", "/c", "x"] }).commandLine, "cmd /c cmd /c x");
    assert.equal(plan({ args: ["a b", "c"] }, LINKED).commandLine, '"a b" c');
  });

  it("replaces the variable in the command line", () => {
    assert.equal(
      plan({ args: ["$env:CONTAINER_SANDBOX_MOUNT_POINT/tool.exe", "-v"] }).commandLine,
      "cmd /c C:\\hpc/tool.exe -v",
    );
  });

  it("adds its root and the system's tools to PATH", () => {
    const tools = "C:\\hpc\\;C:\\WINDOWS\\System32\\WindowsPowerShell\\v1.0\\;C:\\WINDOWS\\System32\\Wbem";
    const path = (value: string) =>
      plan({ args: ["a"], env: [`Path=${value}`] }).environment.find((entry) => /^path=/i.test(entry));
    assert.equal(path("C:\\Windows"), `Path=C:\\Windows;${tools}`);
    assert.equal(path("C:\\Windows;"), `Path=C:\\Windows;${tools}`);
    assert.equal(
      path("%CONTAINER_SANDBOX_MOUNT_POINT%\\apps\\vim\\;C:\\Windows"),
      `Path=C:\\hpc\\apps\\vim\\;C:\\Windows;${tools}`,
    );
  });

  it("lets the container's variables win over the user's, in any letter case, sorted", () => {
    const { environment } = plan({ args: ["a"], env: ["user=me", "A=1", "a=2"] }, BOUND, ["USER=you", "B=3"]);
    assert.deepEqual(environment, [
      "a=2",
      "B=3",
      "CONTAINER_SANDBOX_MOUNT_POINT=C:\\hpc\\",
      "SystemRoot=C:\\Windows",
      "user=me",
    ]);
  });
});

describe("programCandidates", () => {
  const CANDIDATES: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    [
      "ping test",
      [
        ["ping", "ping test"],
        ["ping test", '"ping test"'],
      ],
    ],
    ['"ping" 127.0.0.1', [["ping", '"ping" 127.0.0.1']]],
    [
      "exe with space.exe",
      [
        ["exe", "exe with space.exe"],
        ["exe with", '"exe with" space.exe'],
        ["exe with space.exe", '"exe with space.exe"'],
      ],
    ],
    ["", []],
  ];
  for (const [line, expected] of CANDIDATES) {
    it(`of ${JSON.stringify(line)}`, () => {
      assert.deepEqual(
        programCandidates(line).map(({ program, commandLine }) => [program, commandLine]),
        expected,
      );
    });
  }

  it("refuses a quote without an end", () => {
    assert.throws(() => programCandidates('"ping'), /a quote without an end/);
  });
});

describe("programPaths", () => {
  it("looks in the working directory, PATH and the system's directories", () => {
    const process = plan({ args: ["a"], cwd: "C:\\w" }, BOUND, ["PATH=D:\\p", "SystemRoot=C:\\Windows"]);
    assert.deepEqual(
      programPaths("ping.exe", process).filter((path) => !/WINDOWS\\System32\\W/.test(path)),
      [
        "C:\\w\\ping.exe",
        "D:\\p\\ping.exe",
        "C:\\hpc\\ping.exe",
        "C:\\Windows\\System32\\ping.exe",
        "C:\\Windows\\System\\ping.exe",
        "C:\\Windows\\ping.exe",
      ],
    );
  });

  it("tries .exe before the bare name", () => {
    assert.deepEqual(programPaths("C:\\x\\tool", plan({ args: ["a"] })), ["C:\\x\\tool.exe", "C:\\x\\tool"]);
  });
});
