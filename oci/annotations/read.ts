/** Reads values by catalogue row, collecting a warning for each value that had to be ignored. */
import { SpecError, type SpecWarning } from "../errors.ts";
import type { AnnotationRow } from "./catalogue.ts";

export class AnnotationReader {
  readonly #annotations: Readonly<Record<string, string>>;
  /** Keys that were warned of: several readers may ask for one. */
  readonly #warned = new Set<string>();
  readonly warnings: SpecWarning[] = [];

  constructor(annotations: Readonly<Record<string, string>>) {
    this.#annotations = annotations;
  }

  /**
   * The value under the row's key; undefined when absent or (with a warning) unreadable.
   *
   * @throws {SpecError} when it is unreadable and the row is strict
   */
  read<T>(row: AnnotationRow<T>): T | undefined {
    const text = this.#annotations[row.key];
    if (text === undefined || text === row.type.absent) return undefined;
    const value = row.type.parse(text);
    if (value !== undefined) return value;
    if (row.strict)
      throw new SpecError({ at: `annotation ${row.key}`, rule: `must be ${row.type.name}`, value: text });
    if (this.#warned.has(row.key)) return undefined;
    this.#warned.add(row.key);
    this.warnings.push({
      kind: row.type.warning ?? "annotation-unparsable",
      at: `annotation ${row.key}`,
      message: `ignored: must be ${row.type.name}, default is ${row.default}`,
      value: text,
      expected: row.type.element ?? row.type.name,
    });
    return undefined;
  }

  /** As {@link read}; 0 counts as absent, and then the value from the OCI resources is used. */
  readPositive(row: AnnotationRow<number>, fallback: number | undefined): number | undefined {
    const value = this.read(row);
    return value === undefined || value === 0 ? fallback : value;
  }

  /** What follows a prefix row's key, with the text of each, in the order of the map. */
  readAll(row: AnnotationRow): [suffix: string, text: string][] {
    return Object.entries(this.#annotations)
      .filter(([key]) => key.startsWith(row.key))
      .map(([key, text]) => [key.slice(row.key.length), text]);
  }
}
