/** Mounts of a container whose VM shares no directories: what its client always adds is replaced, everything else refused. */
import { isDiskMountType } from "../disk-mounts.ts";
import { SpecError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { readSpec, type Mount, type Spec } from "../spec.ts";
import type { BoundaryLevel } from "./levels.ts";
import { ALTERNATIVES } from "./rules.ts";

/** Files that clients bind into every container, and guests make themselves where nobody does. */
const GUEST_FILES = new Set(["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]);

const SHARED_MEMORY = "/dev/shm";
const OWN_SHARED_MEMORY: JsonObject = {
  destination: SHARED_MEMORY,
  type: "tmpfs",
  source: "shm",
  options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
};

/** Sources that are in the VM already. */
const IN_VM = /^(?:sandbox|sandbox-tmp|uvm|hugepages):\/\//;

/**
 * The spec of a Linux container within a level.
 *
 * @param isPlatform whether a source may be shared all the same: the agent, where the level allows it
 * @throws {SpecError} failed precondition, naming the mount and what to do instead
 */
export function mountsWithin(
  spec: Spec,
  level: BoundaryLevel,
  isPlatform: (source: string) => boolean = () => false,
): Spec {
  if (level === "shared") return spec;
  const kept = spec.mounts.flatMap((mount, index): JsonObject[] => {
    if (!isHostPath(mount) || isPlatform(mount.source ?? "")) return [mount.document];
    if (GUEST_FILES.has(mount.destination)) return [];
    if (mount.destination === SHARED_MEMORY) return [OWN_SHARED_MEMORY];
    throw new SpecError({
      at: `/mounts/${index}`,
      rule: `boundary level "${level}" shares no directory of the host: ${ALTERNATIVES}`,
      value: `${mount.source ?? ""} at ${mount.destination}`,
      refusal: "failed precondition",
    });
  });
  return readSpec({ ...spec.document, annotations: spec.annotations, mounts: kept });
}

function isHostPath({ type, source = "", options }: Mount): boolean {
  if (isDiskMountType(type) || IN_VM.test(source)) return false;
  const isBind = type === "bind" || options.some((option) => option === "bind" || option === "rbind");
  return isBind && source !== "";
}
