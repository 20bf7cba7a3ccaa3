/**
 * Why a field of a document is what it is: the documents are made again without each input in turn, and what differs then
 * comes from it. Nothing about the builders has to be known for that, and nothing can be told wrongly.
 */
import { isDeepStrictEqual } from "node:util";
import { isObject, pointer } from "../../oci/json.ts";
import { inputsOf } from "./inputs.ts";
import type { PodPlanInput } from "./rehearse.ts";

/**
 * Name of a document → JSON pointer of a leaf → names of the inputs it comes from. Under the pointer of the whole document
 * (the empty one) are those without which there would be none.
 */
export type Causes = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** Stands for the cause of what no input causes. */
export const MADE_UP = "made up when it runs";

type Documents = ReadonlyMap<string, unknown>;

/**
 * @param documents those of the plan itself
 * @param rehearse makes the documents of a plan; undefined when such a plan is refused
 */
export async function causesOf(
  plan: PodPlanInput,
  documents: Documents,
  rehearse: (plan: PodPlanInput) => Promise<Documents | undefined>,
): Promise<Causes> {
  const again = await rehearse(plan);
  // Ids are made up each time: that they differ says nothing.
  const madeUp = new Map(
    [...documents].map(([name, document]) => [name, new Set(differences(document, again?.get(name), ""))]),
  );
  const causes = new Map<string, Map<string, string[]>>();
  for (const [name] of documents)
    causes.set(name, new Map([...(madeUp.get(name) ?? [])].map((at) => [at, [MADE_UP]])));
  for (const input of inputsOf(plan)) {
    const others = await rehearse(input.without(plan));
    if (others === undefined) continue;
    for (const [name, document] of documents) {
      const found = causes.get(name);
      const changed = others.has(name) ? differences(document, others.get(name), "") : [""];
      for (const at of changed) {
        if (madeUp.get(name)?.has(at)) continue;
        const names = found?.get(at) ?? [];
        found?.set(at, [...names, input.name]);
      }
    }
  }
  return causes;
}

/** Pointers of the leaves of `value` that are other, or absent, in `other`. */
function differences(value: unknown, other: unknown, at: string): string[] {
  if (isDeepStrictEqual(value, other)) return [];
  if (Array.isArray(value) && Array.isArray(other) && value.length > other.length)
    return listDifferences(value, other, at);
  const members = isObject(value) || Array.isArray(value) ? Object.entries(value) : [];
  if (members.length === 0) return [at];
  const others = isObject(other) || Array.isArray(other) ? (other as Readonly<Record<string, unknown>>) : {};
  return members.flatMap(([member, inner]) => differences(inner, others[member], pointer(at, member)));
}

/** Of a list that has become shorter: what is left of it at both ends has moved, and is no other. */
function listDifferences(value: readonly unknown[], other: readonly unknown[], at: string): string[] {
  let start = 0;
  while (start < other.length && isDeepStrictEqual(value[start], other[start])) start++;
  let end = 0;
  while (end < other.length - start && isDeepStrictEqual(value.at(-1 - end), other.at(-1 - end))) end++;
  const changed = value.slice(start, value.length - end);
  return changed.flatMap((inner, index) =>
    differences(inner, other.slice(start, other.length - end)[index], pointer(at, start + index)),
  );
}
