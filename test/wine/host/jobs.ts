/** Answers the calls of the stand-ins for job objects, the bind filter, and local accounts. */
import type { HcsBackend } from "../../../hcs/api.ts";
import { HcsError } from "../../../hcs/errors.ts";
import { hresultFromWin32 } from "../../../hcs/hresult.ts";
import type { HostJobs, Job } from "../../../hcs/port/jobs.ts";
import type { Call, Handler, Handlers, RigMachine } from "./call.ts";
import { immediate } from "./operations.ts";

const NERR = { groupNotFound: 2220, userNotFound: 2221 } as const;

/** Accounts that were added, and not removed since; of all machines. */
const accounts = new Set<string>();

function jobsOf({ backend }: RigMachine): HostJobs {
  if (backend.jobs !== undefined) return backend.jobs;
  throw new Error(`the machine (${backend.name}) has no jobs`);
}

/** The machine's side of whichever job: what the DLL tells of jobs names none. */
const sides = new WeakMap<HcsBackend, Promise<Job>>();

function sideOf(machine: RigMachine): Promise<Job> {
  let job = sides.get(machine.backend);
  if (job === undefined) {
    job = jobsOf(machine).create({ name: "rig", ioTracking: false, notifications: false });
    sides.set(machine.backend, job);
  }
  return job;
}

function onJob(work: (job: Job, call: Call) => Promise<void>): Handler {
  return immediate(async (call, machine) => {
    await work(await sideOf(machine), call);
    return {};
  });
}

const UF_NORMAL_ACCOUNT_THAT_DOES_NOT_EXPIRE = 0x1_0200;

/** rigjobs.dll */
export const JOB_HANDLERS: Handlers = {
  JobSetCpuRateControl: onJob((job, call) =>
    job.setCpuRateControl({ controlFlags: call.number("flags"), value: call.number("value") }),
  ),
  JobSetIoRateControl: onJob((job, call) =>
    job.setIoRateControl({
      controlFlags: call.number("flags"),
      maxIops: call.number("maxIops"),
      maxBandwidth: call.number("maxBandwidth"),
    }),
  ),
  JobSetGroupAffinities: onJob((job, call) =>
    job.setGroupAffinities(
      Array.from({ length: call.number("count") }, (_, index) => ({
        group: call.number(`g${index}`),
        mask: call.number(`m${index}`),
      })),
    ),
  ),
  JobCreateSilo: onJob((job) => job.promoteToSilo()),
  JobTrackIo: immediate(async (call) => {
    call.expect("flags", 1);
    return {};
  }),
  JobMemoryUsage: immediate(async () => ({ bytes: 64 * 1024 ** 2, peakBytes: 96 * 1024 ** 2 })),
  JobIoAttribution: immediate(async () => ({ reads: 3, readBytes: 4096, writes: 5, writtenBytes: 8192 })),
};

/** bindfltapi.dll */
export const BINDING_HANDLERS: Handlers = {
  BfSetupFilter: onJob((job, call) =>
    job.applyFileBinding({
      root: call.text("root") ?? "",
      target: call.text("target") ?? "",
      readOnly: call.number("readOnly") === 1,
    }),
  ),
};

/** netapi32.dll */
export const ACCOUNT_HANDLERS: Handlers = {
  NetLocalGroupGetInfo: immediate(async (call, machine) => {
    const group = call.text("group") ?? "";
    if (!(await jobsOf(machine).hasLocalGroup(group)))
      throw netError("find group", group, NERR.groupNotFound);
    return {};
  }),
  NetUserAdd: immediate(async (call, machine) => {
    call.expect("flags", UF_NORMAL_ACCOUNT_THAT_DOES_NOT_EXPIRE);
    if (call.number("passwordLength") < 14) machine.violation(call.function, "the password is short");
    const name = call.text("name") ?? "";
    await jobsOf(machine).addUser(name);
    accounts.add(name);
    return {};
  }),
  NetLocalGroupAddMembers: immediate(async (call, machine) => {
    await jobsOf(machine).addToLocalGroup(call.text("group") ?? "", call.text("member") ?? "");
    return {};
  }),
  NetUserDel: immediate(async (call, machine) => {
    const name = call.text("name") ?? "";
    if (!accounts.delete(name)) throw netError("remove", name, NERR.userNotFound);
    await jobsOf(machine).removeUser(name);
    return {};
  }),
};

function netError(operation: string, target: string, code: number): HcsError {
  return new HcsError({ operation, target, hresult: hresultFromWin32(code) });
}
