/** Warnings of ours in the form of the golden results. */
import type { SpecWarning } from "../../../oci/errors.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";

const ANNOTATION = "annotation ";

/** Kinds that name the annotation they are about. */
const ABOUT_ANNOTATION: ReadonlySet<string> = new Set([
  "annotation-unparsable",
  "annotation-expansion-conflict",
]);

/** What the reference drops without a word. */
const OURS_ALONE: ReadonlySet<string> = new Set(["annotation-list-unparsable"]);

/** A warning, or the fields of one in a log. */
export type WarningFields = Partial<Record<keyof SpecWarning, unknown>>;

export function warningsJson(warnings: readonly WarningFields[]): Json[] {
  return warnings.filter(({ kind }) => !OURS_ALONE.has(String(kind))).map(warningJson);
}

function warningJson({ kind, why, at, value, expected }: WarningFields): Json {
  const isAbout = ABOUT_ANNOTATION.has(String(kind)) && typeof at === "string" && at.startsWith(ANNOTATION);
  return {
    kind,
    ...(why === undefined ? {} : { why }),
    ...(isAbout ? { annotation: at.slice(ANNOTATION.length) } : {}),
    ...(expected === undefined ? {} : { value, expectedType: expected }),
  };
}
