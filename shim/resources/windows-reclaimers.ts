/** How things are released from outside on Windows, by the backend's own calls. What somebody has released already is success. */
import { UNION_FILTER } from "../../hcs/schema/layers.ts";
import { isAlreadyStopped, isNotFound } from "../../hcs/hresult.ts";
import type { HcsBackend } from "../../hcs/api.ts";
import { abortable } from "../clock.ts";
import type { Reclaimers } from "./reclaim.ts";

/** What reclaiming asks of the platform. */
export type ReclaimingBackend = Pick<
  HcsBackend,
  "computeSystems" | "files" | "layers" | "jobs" | "network" | "modifyService"
>;

/** @param signal ends the wait for systems that were terminated and do not go */
export function windowsReclaimers(backend: ReclaimingBackend, signal: AbortSignal): Reclaimers {
  const { computeSystems, files, layers, jobs, network } = backend;
  if (layers === undefined || jobs === undefined)
    throw new Error("cannot release what a task has left: this host has no Windows containers");
  const goneWithItsVm = (): Promise<void> => Promise.resolve();
  const goneWithItsProcess = goneWithItsVm;
  const endSystem = async ({ id }: { readonly id: string }): Promise<void> => {
    const system = await computeSystems.open(id, { signal }).catch(unlessGone);
    if (system === undefined) return;
    try {
      await system.terminate({ signal }).catch(unlessGone);
      await abortable(system.exited, signal);
    } finally {
      await system.close();
    }
  };
  return {
    file: ({ path }) => files.remove(path, { signal }),
    vm: endSystem,
    system: endSystem,
    layer: async ({ path, prepared }) => {
      if (prepared) await layers.unprepare(path, { signal }).catch(unlessGone);
      await layers.deactivate(path, { signal }).catch(unlessGone);
    },
    cim: ({ volumePath }) => layers.dismountCim(volumePath, { signal }).catch(unlessGone),
    overlay: ({ volumePath }) =>
      layers.detachOverlayFilter(volumePath, UNION_FILTER, { signal }).catch(unlessGone),
    "mount-point": async ({ directory }) => {
      await layers.deleteVolumeMountPoint(directory, { signal }).catch(unlessGone);
      await files.remove(directory, { signal });
    },
    account: ({ name }) => jobs.removeUser(name, { signal }).catch(unlessGone),
    "credential-guard": ({ id }) =>
      backend
        .modifyService(
          {
            PropertyType: "ContainerCredentialGuard",
            Settings: { Operation: "RemoveInstance", OperationDetails: { Id: id } },
          },
          { signal },
        )
        .catch(unlessGone),
    "own-namespace": async ({ id }) => network.deleteNamespace?.(id, { signal }),
    share: goneWithItsVm,
    layers: goneWithItsVm,
    nic: goneWithItsVm,
    namespace: goneWithItsVm,
    disk: goneWithItsVm,
    "combined-layers": goneWithItsVm,
    pipe: goneWithItsVm,
    device: goneWithItsVm,
    // Both are ended by the system when the last handle is closed.
    address: goneWithItsProcess,
    job: goneWithItsProcess,
  };
}

function unlessGone(error: unknown): undefined {
  if (!isNotFound(error) && !isAlreadyStopped(error)) throw error;
}
