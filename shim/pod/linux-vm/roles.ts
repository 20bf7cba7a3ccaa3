/**
 * The two parts a Linux container can play: it owns the VM (a sandbox, or a task that is not part of a pod), or it
 * lives in one. They differ in what pausing, updating and ending mean.
 */
import type { BackendTraits } from "../../../hcs/api.ts";
import { asError, ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { LinuxContainerRole } from "./container.ts";
import { updateVm, type VmUpdateTarget } from "../vm/update.ts";
import { vmUsage } from "../vm/usage.ts";
import type { Uvm, UvmView } from "../vm/uvm.ts";

/** What the owner of a VM does to it, and to those who live in it. */
export interface OwnerInit {
  readonly uvm: Uvm;
  readonly traits: Pick<BackendTraits, "statistics">;
  readonly updates: Omit<VmUpdateTarget, "uvm">;
  /** Its root file system stays until the VM ends. */
  readonly keepsRootfs: boolean;
  stopWorkloads(phases: Phases): Promise<void>;
  report(message: string, error: unknown): void;
}

/** Pausing pauses the VM, limits are the VM's, and the VM ends with the container. */
export function ownerRole(init: OwnerInit): LinuxContainerRole {
  const { uvm, traits, updates, keepsRootfs } = init;
  return {
    pause: (signal) => uvm.system.pause({ signal }),
    resume: (signal) => uvm.system.resume({ signal }),
    update: async (kind, resources, annotations, phases) => {
      await phases.run("update", (signal) =>
        updateVm({ ...updates, uvm }, { kind, resources, annotations }, signal),
      );
      return true;
    },
    vmUsage: (signal) => vmUsage(uvm, traits, signal),
    beforeRelease: (phases) => init.stopWorkloads(phases),
    onReleaseFailed: (error) => init.report("what stays in the VM ends with it", error),
    afterRelease: async (holdings) => {
      // Closing has a budget of its own.
      await holdings.release(new AbortController().signal, ({ kind }) => kind === "vm");
    },
    keepsRootfs,
  };
}

/** Only the container itself is paused, limited and ended; its siblings never notice. */
export function workloadRole(id: string, uvm: UvmView): LinuxContainerRole {
  const { system } = uvm;
  const unsupported = (verb: string): never => {
    throw new ShimError("UNSUPPORTED", `cannot ${verb} task "${id}": this platform pauses whole VMs only`);
  };
  return {
    pause: async (signal) => system.pauseHosted?.(id, { signal }) ?? unsupported("pause"),
    resume: async (signal) => system.resumeHosted?.(id, { signal }) ?? unsupported("resume"),
    update: () => Promise.resolve(false),
    beforeRelease: () => Promise.resolve(),
    onReleaseFailed: (error) => {
      throw asError(error);
    },
    afterRelease: () => Promise.resolve(),
    keepsRootfs: false,
  };
}
