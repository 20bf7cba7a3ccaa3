/**
 * Runtime options that are defaults for annotations: where a spec lacks the key, the option stands in.
 */
import {
  networkProxy,
  vmBootFiles,
  vmMemorySize,
  vmProcessorCount,
} from "../../oci/annotations/catalogue.ts";
import { withAnnotations, type Spec } from "../../oci/spec.ts";
import type { Options } from "../../protos/gen/runhcs.ts";

/** Annotation key → the option's value as an annotation would say it; undefined when the option is not set. */
const DEDICATED: readonly (readonly [string, (options: Options) => string | undefined])[] = [
  [vmBootFiles.key, ({ bootFilesRootPath }) => bootFilesRootPath || undefined],
  [vmProcessorCount.key, ({ vmProcessorCount: count }) => (count === 0 ? undefined : String(count))],
  [
    vmMemorySize.key,
    ({ vmMemorySizeInMb }) => (vmMemorySizeInMb === 0 ? undefined : String(vmMemorySizeInMb)),
  ],
  [networkProxy.key, ({ NCProxyAddr }) => NCProxyAddr || undefined],
];

/** The spec with these annotations added. What the spec says itself is stronger, then dedicated options, then the map. */
export function withOptionAnnotations(spec: Spec, options: Options): Spec {
  const added: Record<string, string> = { ...options.defaultContainerAnnotations };
  for (const [key, valueOf] of DEDICATED) {
    const value = valueOf(options);
    if (value !== undefined) added[key] = value;
  }
  if (Object.keys(added).length === 0) return spec;
  return withAnnotations(spec, { ...added, ...spec.annotations });
}
