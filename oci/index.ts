/** `containerd-shim-runhcs/oci`: from OCI spec and annotations to decisions and HCS documents. */
export * as annotations from "./annotations/catalogue.ts";
export type { AnnotationRow, AnnotationScope } from "./annotations/catalogue.ts";
export { expandAnnotations, refusalError, type Expansion } from "./annotations/expand.ts";
export { AnnotationReader } from "./annotations/read.ts";
export * as linuxContainer from "./documents/linux-container.ts";
export * as linuxVm from "./documents/linux-vm.ts";
export * as windowsVmOptions from "./documents/windows-vm-options.ts";
export { SpecError, type SpecErrorInit, type SpecWarning } from "./errors.ts";
export { guestProcess } from "./host-process/guest-process.ts";
export { hostProcessKind, type HostProcessKind } from "./host-process/classify.ts";
export { joinPod, type JoinInputs, type PodAnnotationPolicy } from "./host-process/join-pod.ts";
export { guestRootfsLocation } from "./host-process/rootfs-location.ts";
export { CONTAINER_TYPE, identityOf, SANDBOX_ID, type Identity } from "./identity.ts";
export {
  applyIsolationOptions,
  checkPodIsolation,
  isolationOf,
  type Isolation,
  type IsolationOptions,
} from "./isolation.ts";
export { candidateOfHcn, candidateOfHns, type NetworkCandidate } from "./network/candidates.ts";
export { appliedToHcn, appliedToHns } from "./network/applied.ts";
export { hcnEndpoint, hnsEndpoint, type EndpointIdentity } from "./network/endpoint.ts";
export { withStaticAdapter, withStaticEndpoint } from "./network/guest-documents.ts";
export { appliedFacets, realiseStatic, type Realisation, type StaticTarget } from "./network/realise.ts";
export { selectHnsNetwork, type NetworkWish, type SelectedNetwork } from "./network/select.ts";
export {
  facetsOf,
  readStaticNetwork,
  type Facet,
  type StaticInputs,
  type StaticNetwork,
} from "./network/static.ts";
export { createPolicy, withPolicy, type Policy, type PolicyOptions } from "./policy/policy.ts";
export { GROUPS, PROFILES, type PathRule, type Profile } from "./policy/profiles.ts";
export { parseSpec, readAnnotations, readProcess, readSpec } from "./spec.ts";
export type { Linux, Mount, Process, Spec, Windows, WindowsResources } from "./spec.ts";
export {
  formatLayerChain,
  LayerChainError,
  resolveLayerChain,
  type LayerChain,
  type LayerChainFault,
  type LayerChainOptions,
  type LayerReader,
} from "./windows/layer-chain.ts";
export { layerId } from "./windows/layer-id.ts";
export { findUtilityVm, type UtilityVmSearch } from "./windows/utility-vm.ts";
