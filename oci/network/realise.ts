/** Who applies the static settings that an endpoint does not have. */
import type { SpecWarning } from "../errors.ts";
import { guestCommand, type GuestCommand, type GuestOs } from "./guest-command.ts";
import { facetsOf, type Facet, type StaticNetwork } from "./static.ts";

/** What the container runs in. */
export type StaticTarget =
  | {
      readonly kind: "linux-vm";
      /** The guest is told of adapters and configures them; old ones are not. */
      readonly guestConfiguresAdapters: boolean;
    }
  | { readonly kind: "windows-vm" }
  | { readonly kind: "windows-host" };

export interface Realisation {
  /** The facets that were asked for, and who applies them. */
  readonly via: ReadonlyMap<Facet, FacetPath>;
  /** To be put in the documents of the guest, see `guest-documents.ts`. */
  readonly byDocument: ReadonlySet<Facet>;
  /** To be run in the container. */
  readonly command?: GuestCommand;
  readonly warnings: readonly SpecWarning[];
}

export type FacetPath = "endpoint" | "guest" | "none";

/** Ports are the host's: without the endpoint nobody can map them. */
const GUEST_FACETS: ReadonlySet<Facet> = new Set<Facet>(["ip", "gateway", "dns"]);

/** How a container is given the facets its endpoint does not have: by documents of its guest, or by a program. */
function guestMeans(target: StaticTarget): "document" | GuestOs {
  switch (target.kind) {
    case "linux-vm":
      return target.guestConfiguresAdapters ? "document" : "linux";
    case "windows-vm":
      return "document";
    case "windows-host":
      return "windows";
  }
}

/**
 * @param applied what the endpoint has
 * @param at JSON pointer of the settings, for warnings
 */
export function realiseStatic(
  target: StaticTarget,
  settings: StaticNetwork,
  applied: ReadonlySet<Facet>,
  at = "/network",
): Realisation {
  const via = new Map<Facet, FacetPath>();
  for (const facet of facetsOf(settings))
    via.set(facet, applied.has(facet) ? "endpoint" : GUEST_FACETS.has(facet) ? "guest" : "none");
  const missing = new Set([...via].filter(([, path]) => path === "guest").map(([facet]) => facet));
  const means = guestMeans(target);
  const command = means === "document" ? undefined : guestCommand(means, settings, missing);
  return {
    via,
    byDocument: means === "document" ? missing : new Set(),
    ...(command === undefined ? {} : { command }),
    warnings: [...via].filter(([, path]) => path === "none").map(([facet]) => lost(facet, at)),
  };
}

/** What is applied in the end. @param guestDid the guest took its documents, or the command ended with 0 */
export function appliedFacets({ via }: Realisation, guestDid: boolean): Set<Facet> {
  const counts = (path: FacetPath): boolean => path === "endpoint" || (path === "guest" && guestDid);
  return new Set([...via].filter(([, path]) => counts(path)).map(([facet]) => facet));
}

function lost(facet: Facet, at: string): SpecWarning {
  const message = `static network setting "${facet}" is lost: the endpoint does not have it, and no guest can apply it`;
  return { kind: "network-setting-lost", at: `${at}/${facet}`, message };
}
