/** Windows containers in process isolation, through a real containerd. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eachContainerd } from "../support/each-containerd.ts";
import { WINDOWS_DIRECTORY, WindowsImages, type WindowsSpec } from "../support/windows-containers.ts";

const configure = () => ({ nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } });

eachContainerd("Windows containers on the host", { lines: ["2.1"], configure }, (containerd) => {
  let images: WindowsImages;

  before(async function () {
    // The first run on a machine makes the template.
    this.timeout(180_000);
    images = await WindowsImages.create();
  });

  after(() => images.remove());

  const run = (id: string, spec: WindowsSpec) =>
    containerd()
      .ctr()
      .run(id, { config: images.spec(id, spec) });

  it("hands over output and exit code", async () => {
    const result = await run("hello", { commandLine: 'cmd /c "echo hello & exit 7"' });
    assert.equal(result.stdout.toString().trim(), "hello");
    assert.equal(result.code, 7, result.stderr);
  });

  it("has the environment, working directory, user and host name of the spec", async () => {
    const result = await run("facts", {
      commandLine: "cmd /c echo %GREETING%& cd & echo %USERNAME%& hostname & echo [%UNSET%]",
      cwd: "C:\\Windows\\Temp",
      env: ["GREETING=good morning", "Path=C:\\windows\\system32;C:\\tools"],
      user: "ContainerAdministrator",
      hostname: "web",
    });
    const [greeting, directory, user, host] = result.stdout.toString().split("\r\n");
    assert.equal(greeting, "good morning", result.stderr);
    assert.equal(directory?.toLowerCase(), "c:\\windows\\temp");
    assert.equal(user, "ContainerAdministrator");
    assert.equal(host?.trim().toLowerCase(), "web");
  });

  it("keeps standard output and standard error apart", async () => {
    const result = await run("streams", { commandLine: 'cmd /c "echo to-out & echo to-err 1>&2"' });
    assert.equal(result.stdout.toString().trim(), "to-out");
    assert.equal(result.stderr.trim(), "to-err");
  });

  it("reads input to its end", async () => {
    const config = images.spec("input", { commandLine: "cmd /q" });
    const running = containerd().ctr().runAttached("input", { config });
    // In one line: of a pipe, Wine's cmd takes one line per read and drops the rest of what it read.
    running.stdin.end("echo got pears & exit 5\r\n");
    const result = await running.wait();
    assert.match(result.stdout.toString(), /got pears/);
    assert.equal(result.code, 5);
  });

  it("maps directories read-write and read-only, and single files", async () => {
    const [writable, readable] = ["w", "r"].map((name) => join(images.directory, name));
    for (const path of [writable, readable]) mkdirSync(path ?? "");
    writeFileSync(join(readable ?? "", "in.txt"), "from the host");
    writeFileSync(join(images.directory, "one.txt"), "one file");
    const result = await run("mounts", {
      commandLine:
        'cmd /c "type C:\\r\\in.txt & echo made > C:\\w\\out.txt & (echo no > C:\\r\\no.txt) || echo refused & type C:\\one.txt"',
      mounts: [
        { source: writable, destination: "C:\\w" },
        { source: readable, destination: "C:\\r", options: ["ro"] },
        { source: join(images.directory, "one.txt"), destination: "C:\\one.txt", options: ["ro"] },
      ],
    });
    const text = result.stdout.toString();
    assert.match(text, /from the host/, result.stderr);
    assert.match(text, /refused/);
    assert.match(text, /one file/);
    assert.equal(readFileSync(join(writable ?? "", "out.txt"), "utf8").trim(), "made");
    assert.equal(existsSync(join(readable ?? "", "no.txt")), false);
  });

  it("has a registry of its own", async () => {
    const result = await run("registry", {
      commandLine:
        'cmd /c "reg add HKLM\\Software\\Test /v Answer /t REG_DWORD /d 42 /f >nul & reg query HKLM\\Software\\Test /v Answer"',
    });
    assert.match(result.stdout.toString(), /Answer\s+REG_DWORD\s+0x2a/, result.stderr);
    const other = await run("registry-2", { commandLine: "cmd /c reg query HKLM\\Software\\Test" });
    assert.notEqual(other.code, 0);
  });

  it("ends a killed process with 1067, and one told to shut down by itself", async () => {
    const ctr = containerd().ctr();
    // ctr itself has 8 bits for its own exit status.
    const ABORTED = 1067 % 256;
    for (const [id, signal, isAborted] of [
      ["killed", "SIGKILL", true],
      ["asked", "SIGTERM", false],
    ] as const) {
      const running = ctr.runAttached(id, {
        config: images.spec(id, { commandLine: "ping -n 1000 127.0.0.1" }),
      });
      await ctr.untilStatus(id, "RUNNING");
      await ctr.kill(id, signal);
      assert.equal((await running.wait()).code === ABORTED, isAborted, id);
    }
  });

  it("refuses programs that are not there with Windows' own words", async () => {
    const result = await run("missing", { commandLine: "nosuch.exe" });
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, /ERROR_FILE_NOT_FOUND/);
  });
});
