/** Annotations of a container that the guest reads, and the kind of container they describe. */
import { GuestError, RESULT } from "./errors.ts";
import type { OciRlimit, OciSpec } from "./oci.ts";

export const ANNOTATION = {
  containerType: "io.kubernetes.cri.container-type",
  sandboxId: "io.kubernetes.cri.sandbox-id",
  virtualPodId: "io.microsoft.cri.virtual-pod-id",
  skipPodNetworking: "io.microsoft.cri.skip-pod-networking",
  hostNetwork: "io.microsoft.virtualmachine.lcow.hostnetwork",
  privileged: "io.microsoft.virtualmachine.lcow.privileged",
  shmSizeKb: "io.microsoft.lcow.shm.size-kb",
  coreLimit: "io.microsoft.lcow.rlimitcore",
  /** Ours: the directory in the container where it may listen on Hyper-V sockets. */
  hvSockets: "io.containerd.runhcs.emulator.hv-sockets",
  teeLogPath: "io.microsoft.container.lcow.tee-log-path",
  teeLogMount: "io.microsoft.container.lcow.tee-log-dir-mount",
} as const;

export type ContainerType = "sandbox" | "workload" | "standalone";

export interface ContainerKind {
  readonly type: ContainerType;
  /** The pod's sandbox container; a standalone container is its own. */
  readonly sandboxId: string;
}

const TYPES: ReadonlyMap<string | undefined, ContainerType> = new Map([
  ["sandbox", "sandbox"],
  ["container", "workload"],
  [undefined, "standalone"],
]);

/** What container `id` is in its pod. Throws for a type that does not exist and for a workload without a pod. */
export function kindOf(id: string, spec: OciSpec): ContainerKind {
  const annotations = spec.annotations ?? {};
  const name = annotations[ANNOTATION.containerType];
  const type = TYPES.get(name);
  if (type === undefined) throw new GuestError(RESULT.failed, `invalid container type "${name ?? ""}"`);
  const virtualPod = annotations[ANNOTATION.virtualPodId];
  if (virtualPod === id) return { type: "sandbox", sandboxId: id };
  if (type !== "workload") return { type, sandboxId: id };
  const sandboxId = virtualPod ?? annotations[ANNOTATION.sandboxId];
  if (sandboxId === undefined || sandboxId === "") {
    throw new GuestError(
      RESULT.failed,
      `workload container "${id}" has no annotation ${ANNOTATION.sandboxId}`,
    );
  }
  return { type, sandboxId };
}

/** A boolean annotation: `true` in any case; everything else is false. */
export function isSet(spec: OciSpec, key: string): boolean {
  return spec.annotations?.[key]?.toLowerCase() === "true";
}

/** `soft;hard` as a limit of core files; undefined without the annotation. */
export function coreLimitOf(spec: OciSpec): OciRlimit | undefined {
  const text = spec.annotations?.[ANNOTATION.coreLimit];
  if (text === undefined) return undefined;
  const [soft, hard, ...rest] = text.split(";").map((part) => part.trim());
  if (soft === undefined || hard === undefined || rest.length > 0 || !isUint64(soft) || !isUint64(hard)) {
    throw new GuestError(RESULT.failed, `annotation ${ANNOTATION.coreLimit} is not "soft;hard": "${text}"`);
  }
  return { type: "RLIMIT_CORE", soft: BigInt(soft), hard: BigInt(hard) };
}

/** Size of /dev/shm in KiB; undefined without the annotation. */
export function shmSizeKbOf(spec: OciSpec): string | undefined {
  const text = spec.annotations?.[ANNOTATION.shmSizeKb];
  if (text === undefined) return undefined;
  if (!isUint64(text) || BigInt(text) === 0n) {
    throw new GuestError(
      RESULT.failed,
      `annotation ${ANNOTATION.shmSizeKb} is not a positive number: "${text}"`,
    );
  }
  return text;
}

function isUint64(text: string): boolean {
  return /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n;
}
