/** A workload's request as its pod takes it: HostProcess rules, and what isolates both. */
import { joinPod } from "../../oci/host-process/join-pod.ts";
import { checkPodIsolation } from "../../oci/isolation.ts";
import { withAnnotations } from "../../oci/spec.ts";
import type { CreateRequest } from "./request.ts";
import type { Uvm } from "./vm/uvm.ts";

/**
 * @param pod the request of the pod's sandbox
 * @throws {SpecError} for a container that the pod cannot have
 */
export function joinedRequest(
  pod: CreateRequest,
  request: CreateRequest,
  uvm: Uvm | undefined,
): CreateRequest {
  const annotations = joinPod({
    pod: pod.spec,
    container: request.spec,
    guestSupport: uvm === undefined ? undefined : canRunHostProcess(uvm),
    policy: pod.options.hostProcessPolicy,
  });
  checkPodIsolation(pod.isolation, request.isolation);
  if (annotations === request.spec.annotations) return request;
  return { ...request, spec: withAnnotations(request.spec, annotations) };
}

/** A guest that cannot be asked cannot. */
function canRunHostProcess(uvm: Uvm): boolean {
  if (!uvm.isAlive) return false;
  return uvm.guest.capabilities.GuestDefinedCapabilities?.HostProcessContainerSupported === true;
}
