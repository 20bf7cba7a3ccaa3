/**
 * Process trees on Windows: a job object for each. A process is in it from its first instruction on, so is whatever it starts, and
 * nothing leaves. When the agent ends, for whatever reason, its handles are closed and everything in its jobs ends.
 */
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { extname } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import type { HcsProcess, ProcessSignal } from "../../../../hcs/api.ts";
import type { HostJobs, Job } from "../../../../hcs/port/jobs.ts";
import { joinArguments } from "../../../../oci/windows/command-line.ts";
import { programPaths } from "../../../../oci/windows/job-process.ts";
import { messageOf } from "../../../errors.ts";
import { foldCase } from "../../paths/fold.ts";
import { notRun, type ProcessTree, type ProcessTrees, type ProgramRequest } from "../process-trees.ts";

/** JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE. Breaking away is what a job has to allow; this one does not. */
const LIMITS = { limitFlags: 0x2000, affinity: 0, jobMemoryLimit: 0 };
/** CREATE_NO_WINDOW: a console of its own that nobody sees. */
const CREATION_FLAGS = 0x0800_0000;
/** Exit code of what is ended here; who ended it is told beside it. */
const ENDED = 1;

/** What the agent is told, as the console event that programs know. */
const EVENTS: Partial<Readonly<Record<NodeJS.Signals, ProcessSignal>>> = {
  SIGINT: "CtrlC",
  SIGBREAK: "CtrlBreak",
  SIGHUP: "CtrlClose",
};

export class WindowsProcessTrees implements ProcessTrees {
  readonly #jobs: HostJobs;
  readonly #running = new Set<JobTree>();

  constructor(jobs: HostJobs) {
    this.#jobs = jobs;
  }

  async start(request: ProgramRequest): Promise<ProcessTree> {
    const [program = ""] = request.argv;
    const launch = planLaunch(request);
    const job = await this.#jobs.create({
      name: `hpcc-agent-${randomUUID()}`,
      ioTracking: false,
      notifications: false,
    });
    try {
      await job.setExtendedLimit(LIMITS);
      const token = await this.#jobs.ownToken();
      let started: HcsProcess;
      try {
        started = await job.createProcess({
          ...{ ...launch, token, flags: CREATION_FLAGS },
          ...{ pseudoConsole: false, stdin: true, stdout: true, stderr: true },
        });
        // Programs that read find the end, as they do on Linux.
        await started.closeStdin();
      } catch (error) {
        throw notRun(program, messageOf(error), error);
      } finally {
        await token.close();
      }
      const tree = new JobTree(job, started, () => this.#running.delete(tree));
      this.#running.add(tree);
      return tree;
    } catch (error) {
      await job.close();
      throw error;
    }
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const tree of this.#running) void tree.signal(EVENTS[signal] ?? "CtrlShutdown");
  }
}

class JobTree implements ProcessTree {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: ProcessTree["exited"];
  readonly #job: Job;
  readonly #process: HcsProcess;
  readonly #onClosed: () => void;
  #ended: Promise<void> | undefined;

  constructor(job: Job, process: HcsProcess, onClosed: () => void) {
    const { stdout, stderr } = process.stdio;
    this.#job = job;
    this.#process = process;
    this.#onClosed = onClosed;
    this.stdout = stdout ?? new PassThrough().end();
    this.stderr = stderr ?? new PassThrough().end();
    this.exited = process.exited.then(({ exitCode }) => ({ exitCode, signal: 0 }));
  }

  kill(): void {
    // Fails for a job that has been closed, and then nothing is left of it.
    this.#job.terminate(ENDED).catch(() => undefined);
  }

  /** What is in the job keeps files open until it is gone. */
  end(): Promise<void> {
    return (this.#ended ??= this.#job.terminate(ENDED).then(() => this.#job.emptied()));
  }

  /** To the programs of the job; one that has just ended needs no telling. */
  async signal(event: ProcessSignal): Promise<void> {
    for (const processId of await this.#job.processIds())
      await this.#job.signalProcess(processId, event).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#onClosed();
    try {
      await this.end();
    } finally {
      await this.#process.close();
      await this.#job.close();
    }
  }
}

interface LaunchPlan {
  readonly path: string;
  readonly commandLine: string;
  readonly environment: readonly string[];
  readonly workingDirectory: string;
}

/** Batch files: what their arguments mean is up to cmd, which splits them by rules of its own. */
const SCRIPTS = [".bat", ".cmd"];

/** Looked for in the working directory and the job's own PATH. @throws {AgentError} failed precondition */
function planLaunch({ argv, env, cwd }: ProgramRequest): LaunchPlan {
  const [program = ""] = argv;
  // A look at a share would send credentials to whoever serves it.
  if (/^[\\/]{2}/.test(program)) throw notRun(program, "it is on another machine");
  if (SCRIPTS.includes(extname(program).toLowerCase()))
    throw notRun(program, "it is a script: run it by cmd /c");
  const environment = Object.entries(env)
    .map(([name, value]) => `${name}=${value}`)
    .sort((one, other) => (foldCase(one) < foldCase(other) ? -1 : 1));
  const commandLine = joinArguments(argv);
  const plan = { commandLine, environment, workingDirectory: cwd };
  const path = programPaths(program, plan).find((each) => isFile(each));
  if (path === undefined) throw notRun(program, "ENOENT");
  return { ...plan, path };
}

function isFile(path: string): boolean {
  return !/^[\\/]{2}/.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
