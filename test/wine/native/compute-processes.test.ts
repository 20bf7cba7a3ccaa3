/** Processes in compute systems, by both DLLs, with their standard streams as pipes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import type { ComputeSystem, HcsProcess } from "../../../hcs/api.ts";
import { isAlreadyStopped, isNotFound } from "../../../hcs/hresult.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import { Win32ComputeSystems } from "../../../hcs/win32/compute/compute-systems.ts";
import { hcsError } from "../../contract/under-test.ts";
import { assertClean } from "./cleanliness.ts";
import { ask, PLATFORM } from "./rig.ts";

const TERMINATED = 0xc000_013a;
const ALL_PIPES = { CreateStdInPipe: true, CreateStdOutPipe: true, CreateStdErrPipe: true } as const;

for (const library of ["computecore", "vmcompute"] as const) {
  describe(`${library}: processes`, () => {
    const systems = new Win32ComputeSystems(library);
    let system: ComputeSystem;

    beforeEach(async () => {
      await ask("useScripted", { platform: PLATFORM, files: [], echo: true });
      system = await systems.create("web", { Owner: "test", SchemaVersion: { Major: 2, Minor: 1 } });
    });
    afterEach(async () => {
      await system.close();
      await assertClean();
    });

    async function run(parameters: ProcessParameters = {}): Promise<HcsProcess> {
      return system.createProcess({ CommandLine: "cat.exe", ...parameters });
    }

    it("tells the id and the exit", async () => {
      const process = await run();
      assert.ok(process.processId > 0);
      assert.deepEqual(process.stdio, {});
      await ask("endProcess", { processId: process.processId, exitCode: 3 });
      assert.deepEqual(await process.exited, { exitCode: 3 });
      await process.close();
    });

    it("carries what is written and read, and ends with stdin", async () => {
      const process = await run(ALL_PIPES);
      const { stdin, stdout, stderr } = process.stdio;
      const said = text(stdout!);
      const complained = text(stderr!);
      stdin!.write("grüße ");
      stdin!.write("aus dem Container");
      await process.closeStdin();
      assert.equal(await said, "grüße aus dem Container");
      assert.equal(await complained, "oops");
      assert.deepEqual(await process.exited, { exitCode: 0 });
      await process.close();
    });

    it("carries more than pipes hold, without loss", async () => {
      const process = await run({ CreateStdInPipe: true, CreateStdOutPipe: true });
      const sent = Buffer.alloc(4 << 20, "0123456789abcdef");
      const received = buffer(process.stdio.stdout!);
      process.stdio.stdin!.end(sent);
      await process.closeStdin();
      assert.ok(sent.equals(await received));
      await process.exited;
      await process.close();
    });

    it("keeps the output of a process that is closed before it is read", async () => {
      const process = await run({ CreateStdErrPipe: true });
      await process.terminate();
      assert.deepEqual(await process.exited, { exitCode: TERMINATED });
      await process.close();
      assert.equal(await text(process.stdio.stderr!), "oops");
    });

    it("signals, resizes and terminates, in the words of the service", async () => {
      const process = await run();
      const { processId: pid } = process;
      await process.resize({ height: 50, width: 132 });
      assert.equal(await process.signal("CtrlC"), "delivered");
      await process.exited;
      assert.equal(await process.signal("CtrlC"), "gone");
      assert.equal(await process.terminate(), "gone");
      await process.close();
      const calls = (await ask("trace")).filter(({ call }) => call.endsWith("Process"));
      assert.deepEqual(calls, [
        { call: "HcsCreateProcess", id: "web", parameters: { CommandLine: "cat.exe" } },
        {
          call: "HcsModifyProcess",
          id: "web",
          pid,
          settings: { Operation: "ConsoleSize", ConsoleSize: { Height: 50, Width: 132 } },
        },
        { call: "HcsSignalProcess", id: "web", pid, options: { Signal: "CtrlC" } },
      ]);
    });

    it("finds nobody to signal when the exit has not been told yet", async () => {
      const process = await run();
      await ask("addFault", { function: "process exited", action: "withhold" });
      await ask("endProcess", { processId: process.processId, exitCode: 0 });
      assert.equal(await process.terminate(), "gone");
      await ask("clearFaults");
      assert.deepEqual(await process.exited, { exitCode: 0 });
      await process.close();
    });

    it("opens a process that runs, and none that does not", async () => {
      const created = await run();
      const opened = await system.openProcess(created.processId);
      await opened.terminate();
      assert.deepEqual(await opened.exited, { exitCode: TERMINATED });
      assert.deepEqual(await created.exited, { exitCode: TERMINATED });
      await Promise.all([opened.close(), created.close()]);
      await assert.rejects(
        system.openProcess(7),
        hcsError(isNotFound, 'open process 7 in compute system "web"'),
      );
    });

    it("ends processes with their system, and starts none in it then", async () => {
      const process = await run(ALL_PIPES);
      const closed = once(process.stdio.stdout!.resume(), "close");
      await system.terminate();
      assert.deepEqual(await process.exited, { exitCode: TERMINATED });
      await closed;
      assert.equal((await system.exited).exitType, "ForcedExit");
      await assert.rejects(run(), hcsError(isAlreadyStopped));
      await process.close();
    });

    it("releases a process that comes after its caller has given up", async () => {
      await ask("addFault", {
        function: "HcsCreateProcess",
        action: library === "computecore" ? "withhold" : "hang",
      });
      const giveUp = new AbortController();
      const late = system.createProcess({ CommandLine: "late.exe", ...ALL_PIPES }, { signal: giveUp.signal });
      const reason = new Error("no patience");
      giveUp.abort(reason);
      await assert.rejects(late, reason);
      await ask("clearFaults");
    });
  });
}
