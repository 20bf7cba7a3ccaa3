/** Jobs, tokens, accounts and processes: Wine's own where it has them, stand-ins for the rest. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { randomUUID } from "node:crypto";
import type { HcsProcess } from "../../../hcs/api.ts";
import { isAccessDenied, isAlreadyExists, isNotFound, isWin32 } from "../../../hcs/hresult.ts";
import { LOGON_TYPE, type Job, type JobProcessRequest, type Token } from "../../../hcs/port/jobs.ts";
import type { Platform } from "../../../hcs/scripted/platform.ts";
import { KERNEL32_JOBS } from "../../../hcs/win32/ffi/libraries/kernel32-jobs.ts";
import { Lane } from "../../../hcs/win32/ffi/lane.ts";
import { KERNEL32_PROCESSES } from "../../../hcs/win32/ffi/libraries/kernel32-processes.ts";
import { Library } from "../../../hcs/win32/ffi/library.ts";
import { JobEvents } from "../../../hcs/win32/jobs/job-events.ts";
import { MESSAGE } from "../../../hcs/win32/jobs/job-structures.ts";
import { Win32Jobs } from "../../../hcs/win32/jobs/jobs.ts";
import { hcsError } from "../../contract/under-test.ts";
import { until } from "../../support/until.ts";
import { assertClean } from "./cleanliness.ts";
import { ask } from "./rig.ts";
import { thread } from "./threads.ts";

// kernel32 itself cannot be replaced: its job functions are taken from a DLL that has what Wine's lack.
(KERNEL32_JOBS as { file: string }).file = "rigjobs.dll";

const PLATFORM: Platform = {
  windowsBuild: 20348,
  hostProcessors: 8,
  vmRuntimeId: "a0a0a0a0-0000-4000-8000-000000000001",
  localGroups: ["Hyper-V Administrators"],
};
const KILL_ON_CLOSE = { limitFlags: 0x2000, affinity: 0, jobMemoryLimit: 0 };
const SYSTEM32 = "C:\\windows\\system32";

describe("Win32Jobs", () => {
  const jobs = new Win32Jobs({
    accounts: thread("accounts"),
    launches: thread("launches"),
    events: thread("job events"),
  });
  const made: Job[] = [];
  let token: Token;
  let environment: string[];

  before(async () => {
    token = await jobs.ownToken();
    environment = await jobs.environmentOf(token);
  });
  beforeEach(() => ask("useScripted", { platform: PLATFORM, files: [] }));
  afterEach(async () => {
    for (const job of made.splice(0)) await job.close();
    await ask("clearFaults");
    await assertClean();
  });
  after(async () => {
    await token.close();
    jobs.close();
  });

  async function createJob(notifications = false): Promise<Job> {
    const job = await jobs.create({ name: `JobContainer_${randomUUID()}`, ioTracking: true, notifications });
    made.push(job);
    await job.setExtendedLimit(KILL_ON_CLOSE);
    return job;
  }

  function start(
    job: Job,
    commandLine: string,
    changes: Partial<JobProcessRequest> = {},
  ): Promise<HcsProcess> {
    return job.createProcess({
      path: `${SYSTEM32}\\cmd.exe`,
      commandLine,
      environment,
      workingDirectory: "C:\\",
      token,
      flags: 0,
      pseudoConsole: false,
      stdin: false,
      stdout: true,
      stderr: true,
      ...changes,
    });
  }

  describe("processes", () => {
    it("write, end, and tell their exit code", async () => {
      const job = await createJob();
      const process = await start(job, "cmd /c echo out & echo err>&2 & exit 7");
      const [out, err] = await Promise.all([textOf(process.stdio.stdout), textOf(process.stdio.stderr)]);
      assert.equal(out.trim(), "out");
      assert.equal(err.trim(), "err");
      assert.deepEqual(await process.exited, { exitCode: 7 });
      assert.equal(await process.terminate(), "gone");
      assert.equal(await process.signal("CtrlC"), "gone");
      await process.close();
    });

    it("read what is written to them, up to its end", async () => {
      const job = await createJob();
      // Does what it reads, until it reads the end.
      const process = await start(job, "cmd /q", { stdin: true });
      let out = "";
      process.stdio.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
      // Wine's cmd loses what comes with the line that it reads.
      for (const word of ["one", "two"]) {
        process.stdio.stdin?.write(`echo ${word}\r\n`);
        await until(`${word} to be read`, () => out.includes(`${word}\r\n`), { state: () => out });
      }
      await process.closeStdin();
      await process.closeStdin();
      await process.exited;
      await process.close();
    });

    it("have the environment and directory they were given, and nothing else", async () => {
      const job = await createJob();
      const only = [...environment.filter((entry) => /^systemroot=/i.test(entry)), "Grüße=aus ümlaut"];
      const process = await start(job, "cmd /c cd & set Gr", {
        environment: only,
        workingDirectory: "C:\\windows",
        stderr: false,
      });
      const lines = (await textOf(process.stdio.stdout)).trim().split(/\r?\n/);
      assert.equal(lines[0]?.trim().toLowerCase(), "c:\\windows");
      assert.equal(lines.length, 2);
      assert.equal(process.stdio.stderr, undefined);
      await process.exited;
      await process.close();
    });

    it("are in their job, with what the system tells of them", async () => {
      const job = await createJob();
      assert.deepEqual(await job.processIds(), []);
      const process = await start(job, "cmd /c pause", { stdin: true });
      assert.deepEqual(await job.processIds(), [process.processId]);
      const [entry] = await job.processes();
      assert.equal(entry?.ProcessId, process.processId);
      assert.equal(entry?.ImageName?.toLowerCase(), "cmd.exe");
      assert.ok(
        Math.abs(Date.parse(entry?.CreateTimestamp ?? "") - Date.now()) < 60_000,
        entry?.CreateTimestamp,
      );
      assert.ok(Number(entry?.MemoryCommitBytes) > 0);
      await job.terminate(9);
      assert.deepEqual(await process.exited, { exitCode: 9 });
      await process.close();
    });

    it("are ended one by one with the code of those who were made to", async () => {
      const job = await createJob();
      const process = await start(job, "cmd /c pause", { stdin: true });
      assert.equal(await process.terminate(), "delivered");
      assert.deepEqual(await process.exited, { exitCode: 1 });
      await process.close();
    });

    it("get console events", async () => {
      const job = await createJob();
      const process = await start(job, "cmd /c pause", { stdin: true });
      assert.equal(await job.signalProcess(process.processId, "CtrlBreak"), "delivered");
      await process.exited;
      assert.equal(await job.signalProcess(process.processId, "CtrlBreak"), "gone");
      await assert.rejects(
        job.signalProcess(process.processId, 15),
        hcsError(isWin32Of(0x57), "CtrlShutdown"),
      );
      await process.close();
    });

    it("end with the last handle to their job", async () => {
      const job = await createJob();
      const process = await start(job, "cmd /c pause", { stdin: true });
      await job.close();
      await process.exited;
      await process.close();
    });

    it("are waited for until none is left", async () => {
      const job = await createJob();
      await job.emptied();
      const one = await start(job, "cmd /c pause", { stdin: true });
      const two = await start(job, "cmd /c pause", { stdin: true });
      let empty = false;
      const emptied = job.emptied().then(() => (empty = true));
      await one.terminate();
      await one.exited;
      assert.equal(empty, false);
      await two.terminate();
      await emptied;
      const three = await start(job, "cmd /c pause", { stdin: true });
      const reason = new Error("budget is spent");
      await assert.rejects(job.emptied({ signal: AbortSignal.abort(reason) }), reason);
      await three.terminate();
      for (const process of [one, two, three]) {
        await process.exited;
        await process.close();
      }
    });

    it("cannot be started from what is no program, naming it", async () => {
      const job = await createJob();
      const request = start(job, "missing", { path: "C:\\missing ü.exe", stdin: true });
      await assert.rejects(request, hcsError(isNotFound, "C:\\missing ü.exe"));
      assert.deepEqual(await job.processIds(), []);
      const closed = await jobs.ownToken();
      await closed.close();
      await assert.rejects(start(job, "cmd", { token: closed }), /token: it is closed/);
    });

    it("can be started in numbers without leaving handles behind", async () => {
      const job = await createJob();
      const run = async (): Promise<void> => {
        const process = await start(job, "cmd /c exit 0", { stdin: true });
        for (const stream of [process.stdio.stdout, process.stdio.stderr]) stream?.resume();
        await process.exited;
        await Promise.all([closedStream(process.stdio.stdout), closedStream(process.stdio.stderr)]);
        process.stdio.stdin?.destroy();
        await process.close();
      };
      for (let round = 0; round < 5; round++) await run();
      const before = await processHandles();
      for (let round = 0; round < 20; round++) await run();
      const after = await processHandles();
      assert.ok(after <= before + 5, `${before} handles before, ${after} after`);
    });
  });

  describe("jobs", () => {
    it("are one for each name, and can be opened by it", async () => {
      const name = `JobContainer_${randomUUID()}`;
      const init = { name, ioTracking: false, notifications: false };
      const job = await jobs.create(init);
      made.push(job);
      await assert.rejects(jobs.create(init), hcsError(isAlreadyExists, name));
      const again = await jobs.open(name, false);
      await again.close();
      await again.close();
      await assert.rejects(jobs.open("nobody's", false), hcsError(isNotFound, "nobody's"));
      await assert.rejects(jobs.open("\\Container_nobody", true), hcsError(isNotFound, "\\Container_nobody"));
    });

    it("are limited", async () => {
      const job = await createJob();
      await job.setExtendedLimit({ limitFlags: 0x2200, affinity: 0, jobMemoryLimit: 64 * 1024 ** 2 });
      await job.setCpuRateControl({ controlFlags: 5, value: 2500 });
      await job.setIoRateControl({ controlFlags: 1, maxIops: 100, maxBandwidth: 5 * 1024 ** 3 });
      const affinities = [
        { group: 0, mask: 5 },
        { group: 1, mask: 2 ** 40 },
      ];
      await job.setGroupAffinities(affinities);
      assert.deepEqual(
        (await ask("trace")).filter(({ call }) => call !== "JobObject.Create"),
        [
          { call: "JobObject.SetCpuRateControl", controlFlags: 5, value: 2500 },
          { call: "JobObject.SetIoRateControl", controlFlags: 1, maxBandwidth: 5 * 1024 ** 3, maxIops: 100 },
          { call: "JobObject.SetGroupAffinities", affinities },
        ],
      );
    });

    it("become silos, and show files to their processes alone", async () => {
      const job = await createJob();
      await job.promoteToSilo();
      await job.applyFileBinding({ root: "C:\\hpc\\", target: "\\\\?\\Volume{x}\\", readOnly: false });
      await job.applyFileBinding({ root: "C:\\data", target: "D:\\dätä", readOnly: true });
      assert.deepEqual(
        (await ask("trace")).filter(({ call }) => call !== "JobObject.Create"),
        [
          { call: "JobObject.PromoteToSilo" },
          {
            call: "JobObject.ApplyFileBinding",
            readOnly: false,
            root: "C:\\hpc\\",
            target: "\\\\?\\Volume{x}\\",
          },
          { call: "JobObject.ApplyFileBinding", readOnly: true, root: "C:\\data", target: "D:\\dätä" },
        ],
      );
    });

    it("count what their processes used", async () => {
      const job = await createJob();
      assert.deepEqual(await job.statistics(), {
        totalUserTime100ns: 0,
        totalKernelTime100ns: 0,
        memoryBytes: 64 * 1024 ** 2,
        peakMemoryBytes: 96 * 1024 ** 2,
        readOperations: 3,
        readBytes: 4096,
        writeOperations: 5,
        writeBytes: 8192,
      });
    });

    const refusals: readonly (readonly [string, (job: Job) => Promise<unknown>])[] = [
      ["JobSetCpuRateControl", (job) => job.setCpuRateControl({ controlFlags: 5, value: 1 })],
      [
        "JobSetIoRateControl",
        (job) => job.setIoRateControl({ controlFlags: 1, maxIops: 1, maxBandwidth: 0 }),
      ],
      ["JobSetGroupAffinities", (job) => job.setGroupAffinities([{ group: 0, mask: 1 }])],
      ["JobCreateSilo", (job) => job.promoteToSilo()],
      ["JobMemoryUsage", (job) => job.statistics()],
      ["JobIoAttribution", (job) => job.statistics()],
      ["BfSetupFilter", (job) => job.applyFileBinding({ root: "C:\\hpc", target: "C:\\x", readOnly: true })],
    ];
    for (const [name, call] of refusals) {
      it(`tell what ${name} answered, and of which job`, async () => {
        const job = await createJob();
        await ask("addFault", { function: name, action: "refuse", hresult: 0x8007_0005 });
        await assert.rejects(call(job), hcsError(isAccessDenied, "JobContainer_"));
      });
    }

    it("that cannot be made as wanted are not made", async () => {
      const name = `JobContainer_${randomUUID()}`;
      await ask("addFault", { function: "JobTrackIo", action: "refuse", hresult: 0x8007_0005 });
      await assert.rejects(
        jobs.create({ name, ioTracking: true, notifications: true }),
        hcsError(isAccessDenied),
      );
      await assert.rejects(jobs.open(name, false), hcsError(isNotFound));
    });

    it("tell of memory that their limit refused", async () => {
      const told: number[] = [];
      const events = new JobEvents(thread("refused memory"));
      const key = events.add((message) => told.push(message));
      // Wine enforces no limits: what the job would tell comes from here.
      const native = new Library(KERNEL32_PROCESSES, new Lane("test", 1));
      for (const message of [MESSAGE.jobMemoryLimit, MESSAGE.processMemoryLimit])
        native.call("PostQueuedCompletionStatus", events.port, message, key, 0);
      await until("both to be told of", () => told.length === 2);
      assert.deepEqual(told, [10, 9]);
      events.delete(key);
    });

    it("go on while they tell of what happens in them", async () => {
      const job = await createJob(true);
      job.onOutOfMemory(() => assert.fail("no memory was refused"));
      const process = await start(job, "cmd /c exit 0", { stdout: false, stderr: false });
      assert.deepEqual(await process.exited, { exitCode: 0 });
      await process.close();
    });
  });

  describe("accounts", () => {
    it("are made for a container, put into a group, and removed", async () => {
      const name = "0123456789abcdef0123";
      assert.equal(await jobs.hasLocalGroup("hyper-v administrators"), true);
      assert.equal(await jobs.hasLocalGroup("nobody's"), false);
      const password = await jobs.addUser(name);
      assert.match(password, /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w]).{20,}$/);
      assert.notEqual(await jobs.addUser(name), password);
      await jobs.addToLocalGroup("Hyper-V Administrators", name);
      await jobs.removeUser(name);
      await assert.rejects(jobs.removeUser(name), hcsError(isNotFound, name, "the account does not exist"));
    });

    for (const [native, call] of [
      ["NetLocalGroupGetInfo", () => jobs.hasLocalGroup("x")],
      ["NetUserAdd", () => jobs.addUser("x")],
      ["NetLocalGroupAddMembers", () => jobs.addToLocalGroup("Hyper-V Administrators", "x")],
      ["NetUserDel", () => jobs.removeUser("x")],
    ] as const) {
      it(`tell what ${native} answered`, async () => {
        await ask("addFault", { function: native, action: "refuse", hresult: 0x8007_0005 });
        await assert.rejects(call(), hcsError(isAccessDenied));
      });
    }

    it("are removed again when they were made too late", async () => {
      await ask("addFault", { function: "NetUserAdd", action: "hang", times: 1 });
      const abort = new AbortController();
      const reason = new Error("budget is spent");
      const given = assert.rejects(jobs.addUser("late", { signal: abort.signal }), reason);
      await until("the call to be under way", async () => (await ask("hanging")).includes("NetUserAdd"));
      abort.abort(reason);
      await given;
      await ask("clearFaults");
      await until("the account to go", async () =>
        (await ask("trace")).some(({ call }) => call === "NetUserDel"),
      );
    });

    it("log on, and have an environment", async () => {
      const request = { user: "LocalService", domain: "NT AUTHORITY", logonType: LOGON_TYPE.service };
      await (await jobs.logonUser(request)).close();
      assert.ok(
        environment.some((entry) => /^systemroot=/i.test(entry)),
        environment.join(),
      );
    });
  });

  it("knows whether files can be bound", () => {
    assert.equal(jobs.canBindFiles, true);
  });
});

async function textOf(stream: Duplex | undefined): Promise<string> {
  assert.ok(stream !== undefined);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks).toString();
}

async function closedStream(stream: Duplex | undefined): Promise<void> {
  if (stream !== undefined && !stream.closed) await once(stream, "close");
}

async function processHandles(): Promise<number> {
  const [report] = await ask("report", process.pid);
  return report?.counts["processHandles"] ?? 0;
}

function isWin32Of(code: number): (error: unknown) => boolean {
  return (error) => isWin32((error as { hresult: number }).hresult, code);
}
