/** Which processors a container on the host runs on: not in its document, but set on the job its processes are in. */
import type { HostJobs } from "../../../hcs/port/jobs.ts";
import type { GroupAffinity } from "../../../oci/windows/spec.ts";
import { ShimError } from "../../errors.ts";

export async function setAffinity(
  jobs: HostJobs | undefined,
  containerId: string,
  affinity: readonly GroupAffinity[],
  signal: AbortSignal,
): Promise<void> {
  if (jobs === undefined)
    throw new ShimError("HOST_UNFIT", `cannot choose processors of "${containerId}": this host has no jobs`);
  const job = await jobs.open(`\\Container_${containerId}`, true, { signal });
  try {
    await job.setGroupAffinities(affinity, { signal });
  } finally {
    await job.close();
  }
}
