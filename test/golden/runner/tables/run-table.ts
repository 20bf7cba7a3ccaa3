/** Cases that are tables: each row goes through one pure function, and its answer is one row of results. */
import { OptionError } from "../../../../shim/options/own.ts";
import { SpecError } from "../../../../oci/errors.ts";
import type { Json } from "../../../../hcs/scripted/platform.ts";
import { readCaseFile, type CaseOptions, type GoldenCase } from "../case.ts";
import { annotationsRow } from "./annotations.ts";
import { hostProcessRow } from "./host-process.ts";
import { sandboxTypeRow } from "./sandbox-type.ts";
import { vmOptionsRow } from "./vm-options.ts";

/** Answers one row: the members of its result, those that name the row left out. */
type RowFunction = (row: Json, options: CaseOptions) => Json | Promise<Json>;

const TABLES: Readonly<Record<string, RowFunction>> = {
  annotations: annotationsRow,
  hpc: hostProcessRow,
  sandboxtype: sandboxTypeRow,
  uvmoptions: vmOptionsRow,
};

export async function runTable(golden: GoldenCase): Promise<Json[]> {
  const { options } = golden;
  const answer = TABLES[options.kind];
  if (answer === undefined)
    throw new Error(`cannot run case "${golden.name}": its kind is unknown (found "${options.kind}")`);
  const results: Json[] = [];
  for (const [row, input] of (readCaseFile(golden, "spec.json") as Json[]).entries()) {
    const { name } = input;
    results.push({
      row,
      ...(name === undefined ? {} : { name }),
      ...(await orRefusal(() => answer(input, options))),
    });
  }
  return results;
}

/** A row that is refused as a whole. */
async function orRefusal(answer: () => Json | Promise<Json>): Promise<Json> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof SpecError || error instanceof OptionError) return { error: error.message };
    throw error;
  }
}
