/** Network adapters of a VM: the network namespace of an endpoint, bound below the system's shares directory. */
import { closeSync, openSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { mount, MS } from "../../posix/libc.ts";
import type { NetworkAdapter } from "../../schema/modify.ts";
import { requireShape } from "../systems/document.ts";
import type { EmulatedNetwork } from "./network.ts";
import type { ModifyTarget } from "../storage/plan9-shares.ts";
import { nonEmptyString, object, required, string } from "../shape.ts";
import type { HostPaths } from "../systems/state-directory.ts";
import { unmountDirectly } from "../storage/storage.ts";
import { unmountTree } from "../storage/unmount-tree.ts";

const ADAPTER = object({ EndpointId: required(nonEmptyString), MacAddress: string });

/** Adds adapter `nicId`: the guest finds the namespace under that id. */
export function addNetworkAdapter(
  paths: HostPaths,
  nicId: string,
  settings: unknown,
  network: EmulatedNetwork,
  { operation, id }: ModifyTarget,
): void {
  requireShape(settings, ADAPTER, operation, id);
  const { EndpointId } = settings as NetworkAdapter;
  const refuse = (hresult: number, detail: string, cause?: unknown): never => {
    const what = `network adapter ${nicId}: ${detail}`;
    throw new HcsError({ operation, target: id, hresult, detail: what, cause });
  };
  const namespace = network.namespaceOf(EndpointId);
  if (namespace === undefined)
    return refuse(HRESULT.elementNotFound, `endpoint ${EndpointId} does not exist`);
  const target = join(paths.nics, nicId);
  try {
    closeSync(openSync(target, "wx"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    refuse(HRESULT.alreadyExistsWin32, "it is already there", error);
  }
  try {
    mount({ source: namespace.path, target, flags: MS.bind });
  } catch (error) {
    unlinkSync(target);
    throw error;
  }
}

/** Removes adapter `nicId`. */
export async function removeNetworkAdapter(
  paths: HostPaths,
  nicId: string,
  settings: unknown,
  { operation, id }: ModifyTarget,
): Promise<void> {
  if (settings !== undefined) requireShape(settings, ADAPTER, operation, id);
  const target = join(paths.nics, nicId);
  if (statSync(target, { throwIfNoEntry: false }) === undefined) {
    const detail = `network adapter ${nicId}: no such adapter`;
    throw new HcsError({ operation, target: id, hresult: HRESULT.elementNotFound, detail });
  }
  await unmountTree(target, unmountDirectly);
  unlinkSync(target);
}
