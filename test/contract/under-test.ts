/** What the contract's tests need of a backend, beside the port itself. */
import type { ComputeSystem, HcsBackend, SystemExit } from "../../hcs/api.ts";
import type { HcsError } from "../../hcs/errors.ts";
import { isAlreadyStopped } from "../../hcs/hresult.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { until } from "../support/until.ts";

export interface BackendUnderTest {
  readonly backend: HcsBackend;
  /** A second backend on the same platform, as another process has it. */
  another(): HcsBackend;
  /** An empty directory for what a test mounts or shares. */
  readonly directory: string;
  /** An id that no other test uses. */
  systemId(): string;
  /** The smallest document of a VM that can be started, with `changes` merged into its top level. */
  document(changes?: Partial<ComputeSystemDocument>): Promise<ComputeSystemDocument>;
  /** A network namespace with one interface that has the address 10.88.0.2/24 and a default route by 10.88.0.1. */
  makeNetwork(): Promise<{ readonly reference: string; readonly macAddress: string }>;
  /**
   * What the test sees of the host beside the port: the effect of a mount, for one, is not seen through it. A platform that
   * has no effects answers what was seen when it was recorded.
   */
  look<T>(see: () => T): T;
  /** Ends what the test left open, and fails when anything is left over then. */
  dispose(): Promise<void>;
}

export interface BackendFactory<T extends BackendUnderTest = BackendUnderTest> {
  readonly name: string;
  /** Why the backend cannot run here; undefined where it can. */
  obstacle(): string | undefined;
  /** @param test what the test is called, the same for every backend */
  create(test: string): Promise<T>;
}

/** A created system. */
export async function createSystem(
  under: BackendUnderTest,
  changes?: Partial<ComputeSystemDocument>,
): Promise<ComputeSystem> {
  return under.backend.computeSystems.create(under.systemId(), await under.document(changes));
}

/** Terminates a system if it has not ended yet and waits for its exit; then closes the handle. */
export async function endSystem(system: ComputeSystem): Promise<SystemExit> {
  await system.terminate().catch((error: unknown) => {
    if (!isAlreadyStopped(error)) throw error;
  });
  const exit = await system.exited;
  await system.close();
  return exit;
}

/** Validator for `assert.rejects`: an HcsError for which `predicate` holds and whose text has every one of `parts`. */
export function hcsError(
  predicate: (error: unknown) => boolean,
  ...parts: readonly string[]
): (error: HcsError) => true {
  return (error) => {
    const missing = parts.filter((part) => !error.message.includes(part));
    if (error.name !== "HcsError" || !predicate(error) || missing.length > 0) {
      throw new Error(`unexpected error (missing: ${missing.join(", ")}): ${error.stack ?? String(error)}`);
    }
    return true;
  };
}

/** Waits until no system has this id. */
export async function systemGone(backend: HcsBackend, id: string): Promise<void> {
  await until(`system ${id} to be gone`, async () => {
    return (await backend.computeSystems.enumerate({ ids: [id] })).length === 0;
  });
}
