/**
 * Work in containers without shared folders, as a library: `containerd-shim-runhcs/agent`.
 *
 * {@link openHypervisorContainer} connects to the agent of a container in a VM; what it gives runs programs with files that
 * go in and come back, and copies files. {@link withAudit} keeps records of it.
 */
export { AgentError, type AgentStatus, type Consequences } from "./protocol/errors.ts";
export { INPUT_LIMITS, OUTPUT_LIMITS, TRANSFER_LIMITS, type FileLimits } from "./protocol/limits.ts";
export { newExecId } from "./protocol/exec-id.ts";
export { openHypervisorContainer, type AgentTarget, type HypervisorContext } from "./runtime/hypervisor.ts";
export type {
  BoundaryInfo,
  ContainerState,
  CopyOptions,
  DeathNotice,
  ExecRequest,
  ExecResult,
  IsolatedContainer,
} from "./runtime/runtime.ts";
export { openProcessContainer, type PeerProcess, type ProcessPeer } from "./runtime/process.ts";
export { clientPeer, type ClientPeerInit } from "./runtime/client-peer.ts";
export { agentTarget } from "./runtime/target.ts";
export { watchTask } from "./runtime/task-watch.ts";
export {
  auditFile,
  withAudit,
  type AuditRecord,
  type AuditSink,
  type Audited,
  type SessionAbout,
} from "./runtime/audit.ts";
export { manifestDigest, type DigestAlgorithm, type ManifestEntry } from "./paths/digest.ts";
export {
  hostPathNormaliser,
  refuseRemoteTarget,
  type HostPath,
  type HostPathContext,
} from "./paths/host-path.ts";
export { declaredToolchains, TOOLCHAIN_LABEL } from "./toolchain/declared.ts";
export { askHost } from "./toolchain/ask-host.ts";
export { askContainer, checkParity, probeToolchain, type Ask, type ParityCheck } from "./toolchain/probe.ts";
export {
  compareToolchains,
  type Comparison,
  type ParityPolicy,
  type Toolchain,
  type Verdict,
} from "./toolchain/compare.ts";
export {
  compilerFamily,
  reproducibleArguments,
  type CompilerFamily,
  type ReproducibleCommand,
} from "./toolchain/reproducible.ts";
export type { FilesSummary } from "./files/summary.ts";
export { PathRefusal, type PathRefusalCode } from "./paths/refusal.ts";
export { readWirePath, type WirePath } from "./paths/wire-path.ts";
