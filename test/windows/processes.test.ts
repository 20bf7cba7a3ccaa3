/** Processes of Windows containers: console events, exit codes, consoles and their size; through a real containerd. */
import assert from "node:assert/strict";
import type { ContainerProcess } from "../../shim/client/process.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";
import { WINDOWS_DIRECTORY } from "../support/windows-containers.ts";
import { WINDOWS_PLACES, WindowsLibrary } from "../support/windows-library.ts";

const configure = () => ({ nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } });

const PROCESS_ABORTED = 1067;
/** What a job's processes end with (TerminateProcess is given it). */
const JOB_TERMINATED = 1;

eachContainerd("processes of Windows containers", { lines: ["2.1"], configure, tidy: true }, (containerd) => {
  let library: WindowsLibrary;

  before(async function () {
    this.timeout(180_000);
    library = await WindowsLibrary.open(containerd());
  });

  after(() => library?.close());

  /** The output so far, as it grows. */
  function outputOf(process: ContainerProcess): { readonly text: string } {
    const seen = { text: "" };
    process.stdout?.on("data", (piece: Buffer) => (seen.text += piece.toString("utf8")));
    process.stderr?.resume();
    return seen;
  }

  const shows = (seen: { readonly text: string }, what: string): Promise<unknown> =>
    until(`"${what}" in the output`, () => seen.text.includes(what), { state: () => seen.text });

  for (const [place, options] of Object.entries(WINDOWS_PLACES)) {
    const probe = place === "a HostProcess container" ? "C:\\hpc\\probe.exe" : "C:\\probe.exe";

    it(`${place}: ends of CTRL-C, by force with the code of that, and by itself with all 32 bits of its own`, async () => {
      await using container = await library.create(["ping", "-t", "127.0.0.1"], options);
      const init = await container.start({ output: "ignore" });
      const one = await container.spawn({ args: [probe, "exit", "0xC0000005"] });
      assert.equal((await one.wait()).exitCode, 0xc000_0005);
      // Who does not handle an event ends of it: on Wine with 0.
      const two = await container.spawn({ args: ["ping", "-t", "127.0.0.1"] });
      const seen = outputOf(two);
      await shows(seen, "Reply");
      await two.kill("CTRL-C");
      assert.equal((await two.wait()).exitCode, 0);
      await init.kill("SIGKILL");
      const expected = place === "a HostProcess container" ? JOB_TERMINATED : PROCESS_ABORTED;
      assert.equal((await init.wait()).exitCode, expected);
    });

    it(`${place}: has a console, which follows the size of its terminal`, async () => {
      await using container = await library.create([probe, "console"], { ...options, terminal: true });
      const process = await container.start({ output: "pipe", input: true });
      const seen = outputOf(process);
      await shows(seen, "80x25");
      await process.resize({ columns: 132, rows: 50 });
      await shows(seen, "132x50");
      await process.resize({ columns: 40, rows: 10 });
      await shows(seen, "40x10");
      process.stdin?.write("x");
      assert.equal((await process.wait()).exitCode, 0, seen.text);
    });
  }

  // In HostProcess containers signals go to the cmd.exe around every program, which is what on Windows gets them, too.
  for (const place of ["process isolation", "hypervisor isolation"] as const) {
    const options = WINDOWS_PLACES[place];

    it(`${place}: programs are told each console event by its number`, async () => {
      await using container = await library.create(["ping", "-t", "127.0.0.1"], options);
      await container.start({ output: "ignore" });
      const events = {
        "CTRL-C": 0,
        "CTRL-BREAK": 1,
        "CTRL-CLOSE": 2,
        "CTRL-LOGOFF": 5,
        "CTRL-SHUTDOWN": 6,
        SIGTERM: 6,
      };
      for (const [signal, number] of Object.entries(events)) {
        const process = await container.spawn({ args: ["C:\\probe.exe", "events"] });
        const seen = outputOf(process);
        await shows(seen, "ready");
        await process.kill(signal);
        assert.equal((await process.wait()).exitCode, 100 + number, signal);
        assert.match(seen.text, new RegExp(`event ${number}\\b`), signal);
      }
    });
  }

  it("a console of a further process has the size that it was given, and one more", async () => {
    await using container = await library.create(["ping", "-t", "127.0.0.1"]);
    await container.start({ output: "ignore" });
    const process = await container.spawn(
      { args: ["C:\\probe.exe", "console"], terminal: true },
      { output: "pipe", input: true },
    );
    const seen = outputOf(process);
    await process.resize({ columns: 90, rows: 30 });
    await shows(seen, "90x30");
    // Typed, as people end programs.
    process.stdin?.write("\x03");
    await process.wait();
  });

  it("is stopped gracefully by what handles CTRL-SHUTDOWN, and by force when nothing does in time", async () => {
    await using asked = await library.create(["C:\\probe.exe", "events"]);
    await asked.start({ output: "log" });
    await until("it is ready", async () => {
      for await (const piece of asked.log()) if (piece.includes("ready")) return true;
      return false;
    });
    assert.equal((await asked.stop({ graceMs: 30_000 }))?.exitCode, 106);
    await using deaf = await library.create(["C:\\probe.exe", "deaf"]);
    await deaf.start({ output: "ignore" });
    assert.equal((await deaf.stop({ graceMs: 100 }))?.exitCode, PROCESS_ABORTED);
  });
});
