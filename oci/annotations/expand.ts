/** The one annotation that stands for others, and annotations that cannot stand together. */
import { SpecError, type SpecWarning } from "../errors.ts";
import * as ANNOTATION from "./catalogue.ts";
import { AnnotationReader } from "./read.ts";
import { boolean } from "./values.ts";

/** Key → the keys that get its text. */
export const ANNOTATION_EXPANSIONS: ReadonlyMap<string, readonly string[]> = new Map([
  [
    ANNOTATION.unsafeOperationsDisabled.key,
    [
      ANNOTATION.gmsaDisabled.key,
      ANNOTATION.vmNoWritableShares.key,
      ANNOTATION.noDirectMap.key,
      ANNOTATION.hostProcessDisabled.key,
    ],
  ],
]);

export interface Expansion {
  /** All that could be expanded, even where something is refused. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly warnings: readonly SpecWarning[];
  /** What makes the annotations as a whole unfit; empty when they are fine. */
  readonly refusals: readonly SpecError[];
}

/** Expands annotations and checks them against each other. Doing so twice changes nothing. */
export function expandAnnotations(given: Readonly<Record<string, string>>): Expansion {
  const annotations: Record<string, string> = { ...given };
  const warnings: SpecWarning[] = [];
  const refusals: SpecError[] = [];
  for (const [source, targets] of ANNOTATION_EXPANSIONS) {
    const text = annotations[source];
    if (text === undefined) continue;
    for (const target of targets) {
      const present = annotations[target];
      if (present === undefined || present === text) {
        annotations[target] = text;
        continue;
      }
      const rule = `must be ${JSON.stringify(text)}, the text of ${source}, or absent`;
      refusals.push(new SpecError({ at: `annotation ${target}`, rule, value: present }));
      warnings.push({
        kind: "annotation-expansion-conflict",
        at: `annotation ${source}`,
        message: `cannot be copied to ${target}, which has another text`,
        value: text,
      });
    }
  }
  const reader = new AnnotationReader(annotations);
  const refusal = hostProcessConflict(reader);
  warnings.push(...reader.warnings);
  if (refusal !== undefined) {
    refusals.push(refusal);
    warnings.push({
      kind: "host-process-enabled-and-disabled",
      at: refusal.at,
      message: refusal.rule,
    });
  }
  return { annotations, warnings, refusals };
}

/** Here any spelling of true counts, though only one makes a HostProcess container. */
function hostProcessConflict(reader: AnnotationReader): SpecError | undefined {
  const { hostProcess, hostProcessDisabled } = ANNOTATION;
  if (reader.read(hostProcessDisabled) !== true) return undefined;
  if (reader.read({ ...hostProcess, type: boolean, default: "false" }) !== true) return undefined;
  return new SpecError({
    at: `annotation ${hostProcess.key}`,
    rule: `cannot be set together with ${hostProcessDisabled.key}`,
    value: true,
  });
}

/** The refusals as one error. */
export function refusalError(refusals: readonly SpecError[]): SpecError | undefined {
  const [first, ...rest] = refusals;
  if (first === undefined || rest.length === 0) return first;
  return new SpecError({
    at: first.at,
    rule: [first.rule, ...rest.map(({ at, rule }) => `${at}: ${rule}`)].join("; "),
    value: first.value,
    cause: new AggregateError(refusals),
  });
}
