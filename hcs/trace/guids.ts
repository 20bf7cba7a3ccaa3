/**
 * GUIDs that the host draws anew in every run: where the recording has one, any other is as good, as long as it is the
 * same one everywhere. GUIDs of the platform are those of the recording.
 */

const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

export class GuidBindings {
  /** Lower case; recorded → in use now. */
  readonly #bound = new Map<string, string>();

  /**
   * Where two JSON values differ, apart from GUIDs that may stand for each other.
   *
   * @returns a JSON pointer; undefined when they are the same, and then the GUIDs are bound
   */
  difference(recorded: unknown, now: unknown): string | undefined {
    const trial = new Map(this.#bound);
    const difference = compare(recorded, now, "", (a, b) => bindText(trial, a, b));
    if (difference !== undefined) return difference === "" ? "/" : difference;
    for (const [from, to] of trial) this.#bound.set(from, to);
    return undefined;
  }

  /** Something of the platform as this run has to see it. GUIDs that nobody has used yet are the platform's own. */
  translate<T>(value: T): T {
    return mapTexts(value, (text) =>
      text.replaceAll(GUID, (guid) => {
        const key = guid.toLowerCase();
        const bound = this.#bound.get(key) ?? key;
        this.#bound.set(key, bound);
        return guid === key ? bound : bound.toUpperCase();
      }),
    ) as T;
  }

  /** Bytes likewise. */
  translateBytes(bytes: Buffer): Buffer {
    return Buffer.from(this.translate(bytes.toString("latin1")), "latin1");
  }
}

/** Whether the texts are the same once their GUIDs are bound to each other. */
function bindText(bound: Map<string, string>, recorded: string, now: string): boolean {
  const [before, after] = [recorded.match(GUID) ?? [], now.match(GUID) ?? []];
  if (before.length !== after.length) return false;
  if (recorded.replaceAll(GUID, "") !== now.replaceAll(GUID, "")) return false;
  return before.every((guid, index) => {
    const [from, to] = [guid.toLowerCase(), (after[index] ?? "").toLowerCase()];
    const known = bound.get(from);
    if (known === undefined) bound.set(from, to);
    return known === undefined || known === to;
  });
}

function compare(
  recorded: unknown,
  now: unknown,
  pointer: string,
  isSameText: (recorded: string, now: string) => boolean,
): string | undefined {
  if (typeof recorded === "string" && typeof now === "string")
    return isSameText(recorded, now) ? undefined : pointer;
  if (typeof recorded !== "object" || typeof now !== "object" || recorded === null || now === null)
    return Object.is(recorded, now) ? undefined : pointer;
  const [before, after] = [Object.entries(recorded), new Map(Object.entries(now))];
  if (Array.isArray(recorded) !== Array.isArray(now)) return pointer;
  // Keys may be GUIDs, too: members are paired by their order then.
  for (const [index, [key, value]] of before.entries()) {
    const partner = after.has(key) ? key : [...after.keys()][index];
    const here = `${pointer}/${key}`;
    if (partner === undefined || !isSameText(key, partner)) return here;
    const difference = compare(value, after.get(partner), here, isSameText);
    if (difference !== undefined) return difference;
  }
  const known = new Set(before.map(([key]) => key));
  const extra = [...after.keys()].find((key, index) => !known.has(key) && index >= before.length);
  return extra === undefined ? undefined : `${pointer}/${extra}`;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [change(key), mapTexts(member, change)]),
  );
}
