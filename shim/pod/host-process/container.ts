/** A HostProcess container in process isolation, as a task needs it: processes of the host in one job. */
import type { HcsProcess } from "../../../hcs/api.ts";
import type { GuestProperties } from "../../../hcs/guest/properties.ts";
import type { Token } from "../../../hcs/port/jobs.ts";
import type { PropertyType } from "../../../hcs/schema/properties.ts";
import { SpecError } from "../../../oci/errors.ts";
import type { Process } from "../../../oci/spec.ts";
import { jobProcess } from "../../../oci/windows/job-process.ts";
import { ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { StreamFlags, TaskContainer } from "../../task/container.ts";
import { createJob, type JobContainerInit, type PreparedJob } from "./create-job.ts";
import { JobProcess } from "./process.ts";
import { findProgram } from "./program.ts";
import { jobStatistics } from "./statistics.ts";
import { openToken } from "./token.ts";

/** What the job's processes end with when they are made to. */
const TERMINATED = 1;

/** CREATE_BREAKAWAY_FROM_JOB: the shim may itself be in a job, which the process is not to be in. */
const BREAKAWAY_FROM_JOB = 0x0100_0000;

export class JobContainer implements TaskContainer {
  readonly os = "windows";
  readonly canSignal = true;
  readonly #init: JobContainerInit;
  readonly #prepared: PreparedJob;
  #startedAt: number | undefined;
  /** Opened for the first process, and used for all. */
  #token: Token | undefined;
  #wasRefusedMemory = false;

  private constructor(init: JobContainerInit, prepared: PreparedJob) {
    this.#init = init;
    this.#prepared = prepared;
    prepared.job.onOutOfMemory(() => {
      this.#wasRefusedMemory = true;
    });
  }

  /** What it had acquired when it fails is in the holdings. */
  static async create(init: JobContainerInit, phases: Phases): Promise<JobContainer> {
    return new JobContainer(init, await createJob(init, phases));
  }

  get #id(): string {
    return this.#init.request.id;
  }

  async createInit(streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    const { process } = this.#init.request.spec;
    if (process === undefined)
      throw new SpecError({ at: "/process", rule: `must be present to start "${this.#id}"` });
    this.#startedAt = this.#init.pod.environment.clock.now();
    try {
      return await this.createExec(process, streams, phases);
    } catch (error) {
      await this.#close(phases);
      throw error;
    }
  }

  createExec(process: Process, streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    return phases.run("process-create", (signal) => this.#launch(process, streams, signal));
  }

  async #launch(process: Process, streams: StreamFlags, signal: AbortSignal): Promise<HcsProcess> {
    const { jobs, holdings, request, pod } = this.#init;
    const { files } = pod.environment.backend;
    this.#token ??= await openToken(jobs, holdings, request.id, request.spec, signal);
    const userEnvironment = await jobs.environmentOf(this.#token, { signal });
    const plan = jobProcess(process, this.#prepared.root, userEnvironment);
    const { path, commandLine } = await findProgram(plan, files, signal);
    if ((await files.stat(plan.workingDirectory, { signal })) === undefined)
      await files.makeDirectory(plan.workingDirectory, { signal });
    const created = await this.#prepared.job.createProcess(
      {
        path,
        commandLine,
        environment: plan.environment,
        workingDirectory: plan.workingDirectory,
        token: this.#token,
        flags: BREAKAWAY_FROM_JOB,
        pseudoConsole: process.terminal,
        ...consoleSize(process),
        ...streams,
      },
      { signal },
    );
    return new JobProcess(created);
  }

  async properties(types: PropertyType[], signal: AbortSignal): Promise<GuestProperties> {
    const { job } = this.#prepared;
    return {
      ...(types.includes("ProcessList") ? { ProcessList: await job.processes({ signal }) } : {}),
      ...(types.includes("Statistics")
        ? {
            Statistics: jobStatistics(
              await job.statistics({ signal }),
              await job.processes({ signal }),
              this.#startedAt,
              this.#init.pod.environment.clock.now(),
            ),
          }
        : {}),
    };
  }

  update(): Promise<void> {
    return Promise.reject(
      new ShimError("NOT_CHANGEABLE", `cannot update "${this.#id}": modify not supported for job containers`),
    );
  }

  wasRefusedMemory(): boolean {
    return this.#wasRefusedMemory;
  }

  pause(): Promise<void> {
    return Promise.reject(this.#unsupported("pause"));
  }

  resume(): Promise<void> {
    return Promise.reject(this.#unsupported("resume"));
  }

  async terminate(phases: Phases): Promise<void> {
    const { job } = this.#prepared;
    await phases.run("container-terminate", (signal) => job.terminate(TERMINATED, { signal }));
  }

  async teardown(phases: Phases): Promise<void> {
    const { holdings } = this.#init;
    if (this.#holdsJob) await this.#end(phases);
    await phases.run("layers-release", async (signal) => {
      // An account may be in use until the last handle to the job is closed.
      await holdings.release(signal, ({ kind }) => kind !== "job" && kind !== "account");
      await holdings.release(signal, ({ kind }) => kind === "job");
      await this.#token?.close();
      this.#token = undefined;
      await holdings.end(signal);
    });
  }

  get #holdsJob(): boolean {
    return this.#init.holdings.list().some(({ kind }) => kind === "job");
  }

  /** Its init has exited; what else is in the job is asked to go, then made to. */
  async #end(phases: Phases): Promise<void> {
    const { job } = this.#prepared;
    try {
      await phases.run("job-shutdown", async (signal) => {
        const processes = await job.processIds({ signal });
        await Promise.all(processes.map((pid) => job.signalProcess(pid, "CtrlShutdown", { signal })));
        await job.emptied({ signal });
      });
    } catch (error) {
      this.#init.pod.report("processes of a job do not end, they are terminated", error);
      await this.terminate(phases);
    }
  }

  /** Nothing was started: the job is of no use any more. */
  async #close(phases: Phases): Promise<void> {
    await this.terminate(phases);
    await phases.run("layers-release", (signal) =>
      this.#init.holdings.release(signal, ({ kind }) => kind === "job"),
    );
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #unsupported(verb: string): ShimError {
    return new ShimError("UNSUPPORTED", `cannot ${verb} "${this.#id}": jobs do not pause`);
  }
}

function consoleSize({ consoleSize: size }: Process): { consoleSize?: { height: number; width: number } } {
  return size === undefined || size.height === 0 || size.width === 0 ? {} : { consoleSize: size };
}
