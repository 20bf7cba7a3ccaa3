/** Names of layers by everything below them (OCI image specification, "Layer ChainID"). */
import { createHash } from "node:crypto";

/** @param diffIds digests of the uncompressed layers, lowest first. @returns the chain id up to each of them */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(
      below === undefined
        ? diffId
        : `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`,
    );
  }
  return chain;
}
