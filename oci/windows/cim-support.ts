/** Which Windows builds mount which kind of CIM. */
import { SpecError } from "../errors.ts";
import type { ImageLayers } from "./layers.ts";

export interface HostBuild {
  readonly build: number;
  /** Of the last update (`UBR`); undefined where it is not known. */
  readonly revision?: number | undefined;
}

/** Builds from here on; a build before them only in its later updates. */
interface Gate {
  readonly build: number;
  readonly backported?: { readonly build: number; readonly revision: number };
}

const GATES: Readonly<Record<Exclude<ImageLayers["kind"], "folders">, Gate>> = {
  "forked-cims": { build: 26100, backported: { build: 20348, revision: 2031 } },
  "block-cims": { build: 27766 },
};

/**
 * Layers that the host itself has to mount. An update that is not known is given the benefit of the doubt: the platform
 * will say so.
 *
 * @throws {SpecError} (failed precondition) when this build cannot
 */
export function checkCimSupport(kind: ImageLayers["kind"], { build, revision }: HostBuild): void {
  if (kind === "folders") return;
  const { build: first, backported } = GATES[kind];
  if (build >= first) return;
  if (build === backported?.build && (revision ?? backported.revision) >= backported.revision) return;
  const also =
    backported === undefined ? "" : `, or ${backported.build}.${backported.revision} or later of that build`;
  throw new SpecError({
    at: "rootfs/0/type",
    rule: `layers of ${kind.replace("-", " ")} need Windows build ${first} or later${also}`,
    value: revision === undefined ? build : `${build}.${revision}`,
    refusal: "failed precondition",
  });
}
