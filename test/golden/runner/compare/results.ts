/** Compares the outcome of steps, and warnings. */
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../../../../hcs/scripted/platform.ts";
import type { StepResult } from "../shim-run.ts";
import type { Placeholders } from "./placeholders.ts";
import { compareValues, type Difference } from "./values.ts";

/** Which step, for people: `step 3 kill c1`. */
export function stepName(
  index: number,
  { op, id, execId }: Pick<StepResult, "op" | "id" | "execId">,
): string {
  return ["step", index + 1, op, id, execId ?? ""].filter((word) => word !== "").join(" ");
}

export function compareResults(
  expected: readonly Json[],
  actual: readonly StepResult[],
  placeholders: Placeholders,
): Difference[] {
  const steps = Math.max(expected.length, actual.length);
  return Array.from({ length: steps }, (_, index) => index).flatMap((index) => {
    const [wanted, found] = [expected[index], actual[index]];
    if (wanted === undefined || found === undefined)
      return [{ path: `results.json/${index}`, expected: wanted, actual: found }];
    const path = `results.json ${stepName(index, found)}`;
    if ((wanted["ok"] === true) !== (found.ok === true))
      return [{ path, expected: wanted["error"] ?? "success", actual: found.error ?? "success" }];
    const differences = compareValues(path, comparable(wanted), comparable({ ...found }), placeholders);
    const note = found.error?.message;
    return note === undefined ? differences : differences.map((difference) => ({ ...difference, note }));
  });
}

/** Of an error the code counts; what it is about is for people. */
function comparable({ op, ok, response, error }: Json): Json {
  return {
    op,
    ok: ok === true,
    ...(response === undefined ? {} : { response }),
    ...(error === undefined ? {} : { error: { code: (error as Json)["code"] } }),
  };
}

/** Warnings come in any order; what was rejected and why is for people where a kind is named after it. */
export function compareWarnings(expected: readonly Json[], actual: readonly Json[]): Difference[] {
  const [wanted, found] = [inOrder(expected), inOrder(actual)];
  return isDeepStrictEqual(wanted, found) ? [] : [{ path: "warnings.json", expected: wanted, actual: found }];
}

function inOrder(warnings: readonly Json[]): Json[] {
  const key = (warning: Json): string => JSON.stringify(Object.entries(warning).sort());
  return warnings.map(({ why: _, ...rest }) => rest).sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
