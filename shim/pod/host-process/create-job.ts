/** Makes the job of a HostProcess container on the host: its files where it expects them, its mounts, its limits. */
import { win32 } from "node:path";
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { HostJobs, Job } from "../../../hcs/port/jobs.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { SpecError } from "../../../oci/errors.ts";
import {
  jobLimits,
  jobMounts,
  jobName,
  jobRoot,
  KILL_ON_CLOSE,
  type JobLimits,
  type JobMount,
  type JobRoot,
} from "../../../oci/job-plan.ts";
import { volumeId, withBackslash } from "../../../oci/windows/volume.ts";
import type { Phases } from "../../phases/phases.ts";
import { logWarnings } from "../warnings.ts";
import { rootFileSystem, type RootInit } from "../windows-host/layers.ts";

export interface JobContainerInit extends RootInit {
  readonly jobs: HostJobs;
}

/** A job, and where its files are. */
export interface PreparedJob {
  readonly job: Job;
  readonly root: JobRoot;
}

/** On failure everything it had acquired is in the holdings. */
export async function createJob(init: JobContainerInit, phases: Phases): Promise<PreparedJob> {
  const { request, pod, jobs } = init;
  const { host, logger } = pod.environment;
  if (request.spec.windows === undefined)
    throw new SpecError({ at: "/windows", rule: `must be present to run "${request.id}" on a Windows host` });
  const reader = new AnnotationReader(request.spec.annotations);
  const facts = {
    build: host.build,
    processors: host.logicalProcessors,
    canBindFiles: jobs.canBindFiles,
  };
  const root = jobRoot(reader, request.id, facts);
  const job = await phases.run("container-create", (signal) => acquireJob(init, root, signal));
  const { rootPath } = await phases.run("layers", (signal) => rootFileSystem(init, signal));
  volumeId(rootPath, "/root/path");
  const mounts = jobMounts(request.spec);
  const volume = withBackslash(rootPath);
  await phases.run("mounts", (signal) =>
    root.isPrivate
      ? bindFiles(init, job, root, volume, mounts, signal)
      : linkFiles(init, root, volume, mounts, signal),
  );
  const limits = jobLimits(reader, request.spec, facts);
  logWarnings(logger, request.id, reader.warnings);
  await phases.run("update", (signal) => setLimits(job, limits, signal));
  return { job, root };
}

async function acquireJob(
  { request, jobs, holdings }: JobContainerInit,
  root: JobRoot,
  signal: AbortSignal,
): Promise<Job> {
  const name = jobName(request.id);
  const job = await holdings.acquire(
    { kind: "job", key: `job:${name}`, data: { name } },
    () => jobs.create({ name, ioTracking: true, notifications: true }, { signal }),
    (_budget, created) => created.close(),
  );
  await job.setExtendedLimit(KILL_ON_CLOSE, { signal });
  if (root.isPrivate) await job.promoteToSilo({ signal });
  return job;
}

/** The container sees its files and mounts where it expects them, and nobody else does. */
async function bindFiles(
  init: JobContainerInit,
  job: Job,
  root: JobRoot,
  volume: string,
  mounts: readonly JobMount[],
  signal: AbortSignal,
): Promise<void> {
  const { files } = init.pod.environment.backend;
  await job.applyFileBinding({ root: root.path, target: volume, readOnly: false }, { signal });
  // The same mounts once more below the root: the volume is reached by way of a directory for a moment.
  const directory = await files.makeTemporaryDirectory("hpc-", { signal });
  try {
    await init.layers.setVolumeMountPoint(`${directory}\\`, volume, { signal });
    try {
      for (const mount of mounts) {
        await makeDestination(init, mount, signal);
        await job.applyFileBinding(
          { root: mount.destination, target: mount.source, readOnly: mount.readOnly },
          { signal },
        );
        await link(files, directory, mount, signal).catch((error: unknown) =>
          init.pod.report(`mount ${mount.destination} is not below the root directory`, error),
        );
      }
    } finally {
      await init.layers.deleteVolumeMountPoint(`${directory}\\`, { signal });
    }
  } finally {
    await files.remove(directory, { signal });
  }
}

/** A binding needs something to hide. */
async function makeDestination(init: JobContainerInit, mount: JobMount, signal: AbortSignal): Promise<void> {
  const { backend, logger } = init.pod.environment;
  if ((await backend.files.stat(mount.destination, { signal })) === undefined)
    await backend.files.makeDirectory(win32.dirname(mount.destination), { signal });
  else logger.warn("a mount hides what the host has there", { task: init.request.id, at: mount.destination });
}

/** Everybody sees the files, in a directory of the container's own; mounts are links below it. */
async function linkFiles(
  { pod, layers, holdings }: JobContainerInit,
  root: JobRoot,
  volume: string,
  mounts: readonly JobMount[],
  signal: AbortSignal,
): Promise<void> {
  const { files } = pod.environment.backend;
  await holdings.acquire(
    { kind: "mount-point", key: `mount-point:${root.path}`, data: { directory: root.path } },
    async () => {
      await files.makeDirectory(root.path, { signal });
      await layers.setVolumeMountPoint(root.path, volume, { signal });
    },
    async (budget) => {
      await layers.deleteVolumeMountPoint(root.path, { signal: budget });
      await files.remove(root.path, { signal: budget });
    },
  );
  for (const mount of mounts) await link(files, root.path, mount, signal);
}

async function link(files: HostFiles, root: string, mount: JobMount, signal: AbortSignal): Promise<void> {
  const path = win32.join(root, mount.linkBelowRoot);
  await files.makeDirectory(win32.dirname(path), { signal });
  await files.makeLink(path, mount.source, { signal });
}

async function setLimits(job: Job, limits: JobLimits, signal: AbortSignal): Promise<void> {
  const { memory, processor, affinity, io } = limits;
  if (memory !== undefined) await job.setExtendedLimit(memory, { signal });
  if (processor !== undefined) await job.setCpuRateControl(processor, { signal });
  if (affinity.length > 0) await job.setGroupAffinities(affinity, { signal });
  if (io !== undefined) await job.setIoRateControl(io, { signal });
}
