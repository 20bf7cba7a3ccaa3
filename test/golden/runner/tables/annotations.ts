/** annotations → annotations after expansion. */
import { expandAnnotations, refusalError } from "../../../../oci/annotations/expand.ts";
import type { Json } from "../../../../hcs/scripted/platform.ts";
import { warningsJson } from "../warning-json.ts";

export function annotationsRow({ annotations: given }: Json): Json {
  const { annotations, warnings, refusals } = expandAnnotations(given as Record<string, string>);
  const refusal = refusalError(refusals);
  const told = warningsJson(warnings);
  return {
    annotations,
    ...(refusal === undefined ? {} : { error: refusal.message }),
    ...(told.length === 0 ? {} : { warnings: told }),
  };
}
