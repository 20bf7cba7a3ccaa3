/** Compares JSON values by the rules of golden cases: member order means nothing, everything else does. */
import { parseJson } from "../../../../hcs/json.ts";
import { hasPlaceholder, type Placeholders } from "./placeholders.ts";

/** One place where a run differs from what was expected. */
export interface Difference {
  /** Where: `uvm.json/VirtualMachine/Chipset`, `step 3 kill c1`. */
  readonly path: string;
  /** Undefined: nothing was expected there. */
  readonly expected: unknown;
  /** Undefined: nothing is there. */
  readonly actual: unknown;
  /** What people should know besides, such as the text of an error. */
  readonly note?: string;
}

export function compareValues(
  path: string,
  expected: unknown,
  actual: unknown,
  placeholders: Placeholders,
): Difference[] {
  if (typeof expected === "string") return compareText(path, expected, actual, placeholders);
  if (Array.isArray(expected) && Array.isArray(actual))
    return compareArrays(path, expected, actual, placeholders);
  if (isObject(expected) && isObject(actual)) return compareObjects(path, expected, actual, placeholders);
  if (isObject(expected) && "$base64Json" in expected)
    return compareEncoded(path, expected, actual, placeholders);
  return expected === actual ? [] : [{ path, expected, actual }];
}

function compareText(
  path: string,
  expected: string,
  actual: unknown,
  placeholders: Placeholders,
): Difference[] {
  const difference = [{ path, expected: placeholders.fill(expected), actual }];
  if (!hasPlaceholder(expected)) {
    return typeof actual === "string" && foldWindowsPaths(expected) === foldWindowsPaths(actual)
      ? []
      : difference;
  }
  if (actual === undefined) return difference;
  if (expected === "${ANY}") return [];
  if (typeof actual !== "string" && typeof actual !== "number") return difference;
  // A pid is a number where it stands alone.
  if (typeof actual === "number" && !/^\$\{(?:SHIM)?PID:\d+\}$/.test(expected)) return difference;
  return placeholders.match(foldWindowsPaths(expected), foldWindowsPaths(String(actual))) ? [] : difference;
}

/** The letters of paths below C:\Windows are written in any case. */
function foldWindowsPaths(text: string): string {
  return text.replace(/\bc:\\windows(?![^\\;"])(?:\\[^;"]*)?/gi, (path) => path.toLowerCase());
}

function compareArrays(
  path: string,
  expected: readonly unknown[],
  actual: readonly unknown[],
  placeholders: Placeholders,
): Difference[] {
  const length = Math.max(expected.length, actual.length);
  return Array.from({ length }, (_, index) => index).flatMap((index) =>
    compareValues(`${path}/${index}`, expected[index], actual[index], placeholders),
  );
}

function compareObjects(
  path: string,
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
  placeholders: Placeholders,
): Difference[] {
  const partners = partnersOf(path, expected, actual, placeholders);
  const added = Object.keys(actual).filter((name) => !partners.some(([, partner]) => partner === name));
  return [...partners, ...added.map((name) => [name, name] as const)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, partner]) =>
      compareValues(`${path}/${name}`, expected[name], actual[partner], placeholders),
    );
}

/** Each expected member with the name it has in the run: where a name was made up, the first member that is equal. */
function partnersOf(
  path: string,
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
  placeholders: Placeholders,
): (readonly [name: string, partner: string])[] {
  const free = new Set(Object.keys(actual).filter((name) => !Object.hasOwn(expected, name)));
  return Object.keys(expected).map((name) => {
    if (!hasPlaceholder(name)) return [name, name];
    for (const candidate of free) {
      const saved = placeholders.save();
      const isEqual =
        placeholders.match(name, candidate) &&
        compareValues(path, expected[name], actual[candidate], placeholders).length === 0;
      if (!isEqual) {
        placeholders.restore(saved);
        continue;
      }
      free.delete(candidate);
      return [name, candidate];
    }
    return [name, name];
  });
}

/** A string that holds base64 of JSON, shown by its content. */
function compareEncoded(
  path: string,
  expected: Readonly<Record<string, unknown>>,
  actual: unknown,
  placeholders: Placeholders,
): Difference[] {
  const text = typeof actual === "string" ? Buffer.from(actual, "base64").toString("utf8") : undefined;
  let content: unknown;
  try {
    content = text === undefined ? undefined : parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (content === undefined) return [{ path, expected, actual }];
  return compareValues(`${path}/$base64Json`, expected["$base64Json"], content, placeholders);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
