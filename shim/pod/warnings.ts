/** Inputs that were not followed, in the log. */
import type { SpecWarning } from "../../oci/errors.ts";
import type { Logger } from "../log/logger.ts";

export function logWarnings(logger: Logger, task: string, warnings: readonly SpecWarning[]): void {
  for (const warning of warnings) logger.warn("input was not followed", { task, ...warning });
}
