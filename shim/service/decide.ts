/**
 * From a spec as it is written and runtime options to what is to be made: option defaults, expanded annotations, what
 * isolates the task, and its part in a pod. Creating a task and explaining one begin with the same decisions.
 */
import { expandAnnotations, refusalError } from "../../oci/annotations/expand.ts";
import type { SpecWarning } from "../../oci/errors.ts";
import { identityOf, type Identity } from "../../oci/identity.ts";
import { applyIsolationOptions, isolationOf, type Isolation } from "../../oci/isolation.ts";
import { withAnnotations, type Spec } from "../../oci/spec.ts";
import { OptionsSandboxIsolation } from "../../protos/gen/runhcs.ts";
import type { RuntimeOptions } from "../options/runtime.ts";
import { withOptionAnnotations } from "./option-annotations.ts";

export interface Decisions {
  /** With what options and annotations imply. */
  readonly spec: Spec;
  readonly isolation: Isolation;
  readonly identity: Identity;
}

/**
 * @param warn is told of what is not followed, also when something else is refused
 * @throws {SpecError} for a spec that cannot be followed, or that the options contradict
 */
export function decide(spec: Spec, runtime: RuntimeOptions, warn: (warning: SpecWarning) => void): Decisions {
  const { sandboxIsolation, sandboxPlatform } = runtime.runhcs;
  const withDefaults = withOptionAnnotations(spec, runtime.runhcs);
  const { annotations, warnings, refusals } = expandAnnotations(withDefaults.annotations);
  warnings.forEach(warn);
  const refusal = refusalError(refusals);
  if (refusal !== undefined) throw refusal;
  const decided = applyIsolationOptions(withAnnotations(withDefaults, annotations), {
    hypervisor: sandboxIsolation === OptionsSandboxIsolation.HYPERVISOR,
    isEmpty: runtime.isEmpty,
    platform: sandboxPlatform,
  });
  return { spec: decided, isolation: isolationOf(decided), identity: identityOf(decided.annotations) };
}
