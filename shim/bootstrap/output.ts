/**
 * What `start` prints: a plain address, which every containerd takes, or the JSON of bootstrap version 3, which
 * containerd 2.0 and later take and the Sandbox API needs.
 */
import type { ShimAddress } from "./address.ts";

export type BootstrapVersion = 2 | 3;

export function bootstrapOutput(version: BootstrapVersion, address: ShimAddress): string {
  if (version === 2) return address.url;
  return JSON.stringify({ version: 3, address: address.url, protocol: "ttrpc" });
}

/** Folder of the bundles that containerd 2.x makes for sandboxes of the Sandbox API. */
const SANDBOX_CONTROLLER = "io.containerd.sandbox.controller.v1.shim";

/**
 * Which version to answer. `auto` answers 3 only where nothing else can work: a bundle of the sandbox
 * controller. There is no signal by which a shim could tell containerd 1.7 from 2.x otherwise.
 */
export function bootstrapVersion(option: "auto" | "v2" | "v3", bundle: string): BootstrapVersion {
  if (option === "v3") return 3;
  if (option === "v2") return 2;
  return bundle.split(/[\\/]/).includes(SANDBOX_CONTROLLER) ? 3 : 2;
}
