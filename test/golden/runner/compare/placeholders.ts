/** What the placeholders of a case stand for: fixed names, and values that a run makes up, found while comparing. */

/** Kinds of made-up values, and what they look like in a string. */
const NUMBERED = {
  GUID: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  // 0 is a process that was not started, 1 the one that stands for a sandbox without any.
  PID: "(?:[2-9]|[1-9]\\d+)",
  SHIMPID: "[1-9]\\d*",
} as const;

const PLACEHOLDER = /\$\{([A-Z]+)(?::(\d+))?\}/g;
const HAS_PLACEHOLDER = /\$\{[A-Z]+(?::\d+)?\}/;

export interface FixedNames {
  readonly OWNER: string;
  readonly SHIMDIR: string;
  /** Every temporary directory that was handed out. */
  readonly temporaryDirectories: readonly string[];
}

export function hasPlaceholder(text: string): boolean {
  return HAS_PLACEHOLDER.test(text);
}

/**
 * A matching of placeholders with values: the same number is the same value throughout, another number another value.
 * Comparing in the order of a trace gives numbers the values of their first appearance.
 */
export class Placeholders {
  readonly #fixed: FixedNames;
  /** `GUID:1` → value, and `GUID=value` → placeholder. */
  #bindings: ReadonlyMap<string, string> = new Map();

  constructor(fixed: FixedNames) {
    this.#fixed = fixed;
  }

  /** For trying a match: {@link restore} brings this state back. */
  save(): ReadonlyMap<string, string> {
    return this.#bindings;
  }

  restore(saved: ReadonlyMap<string, string>): void {
    this.#bindings = saved;
  }

  /** Whether a text with placeholders stands for `actual`; if so, its placeholders are bound. */
  match(expected: string, actual: string): boolean {
    const names: string[] = [];
    let pattern = "";
    let end = 0;
    for (const { 0: whole, 1: kind = "", 2: number, index } of expected.matchAll(PLACEHOLDER)) {
      pattern += escape(expected.slice(end, index));
      end = index + whole.length;
      const own = this.#patternOf(kind, number);
      if (own === undefined) {
        pattern += escape(whole);
        continue;
      }
      pattern += `(${own})`;
      names.push(number === undefined ? "" : `${kind}:${number}`);
    }
    pattern += escape(expected.slice(end));
    const found = new RegExp(`^${pattern}$`, "su").exec(actual);
    return found !== null && this.#bind(names, found.slice(1));
  }

  /** The text with those placeholders filled in whose values are known. */
  fill(expected: string): string {
    return expected.replace(PLACEHOLDER, (whole, kind: string, number: string | undefined) => {
      if (kind === "OWNER" || kind === "SHIMDIR") return this.#fixed[kind];
      return this.#bindings.get(`${kind}:${number}`) ?? whole;
    });
  }

  #patternOf(kind: string, number: string | undefined): string | undefined {
    if (kind === "ANY") return ".*";
    if (kind === "OWNER" || kind === "SHIMDIR") return escape(this.#fixed[kind]);
    if (kind === "TEMPDIR") return this.#fixed.temporaryDirectories.map(escape).join("|") || "(?!)";
    return kind in NUMBERED && number !== undefined ? NUMBERED[kind as keyof typeof NUMBERED] : undefined;
  }

  #bind(names: readonly string[], values: readonly string[]): boolean {
    const bindings = new Map(this.#bindings);
    for (const [index, name] of names.entries()) {
      if (name === "") continue;
      const value = values[index] ?? "";
      const back = `${name.slice(0, name.indexOf(":"))}=${value}`;
      if ((bindings.get(name) ?? value) !== value || (bindings.get(back) ?? name) !== name) return false;
      bindings.set(name, value).set(back, name);
    }
    this.#bindings = bindings;
    return true;
  }
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
