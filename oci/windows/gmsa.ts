/** Credentials of group managed service accounts. */
import type { AnnotationReader } from "../annotations/read.ts";
import { gmsaDisabled } from "../annotations/windows-container.ts";
import { SpecError } from "../errors.ts";
import type { Windows } from "./spec.ts";

/**
 * The credential spec (JSON text) of a container, where it has one.
 *
 * @throws {SpecError} when an annotation forbids it
 */
export function credentialSpec(reader: AnnotationReader, windows: Windows): string | undefined {
  const spec = windows.credentialSpec;
  if (spec === undefined) return undefined;
  if (reader.read(gmsaDisabled) === true) {
    throw new SpecError({
      at: "/windows/credentialSpec",
      rule: `gMSA credentials are disabled by annotation ${gmsaDisabled.key}: operation denied`,
    });
  }
  return spec;
}
