/** Reads values by catalogue row, collecting a warning for each value that had to be ignored. */
import type { SpecWarning } from "../errors.ts";
import type { AnnotationRow } from "./catalogue.ts";

export class AnnotationReader {
  readonly #annotations: Readonly<Record<string, string>>;
  readonly warnings: SpecWarning[] = [];

  constructor(annotations: Readonly<Record<string, string>>) {
    this.#annotations = annotations;
  }

  /** The value under the row's key; undefined when absent or (with a warning) unreadable. */
  read<T>(row: AnnotationRow<T>): T | undefined {
    const text = this.#annotations[row.key];
    if (text === undefined) return undefined;
    const value = row.type.parse(text);
    if (value === undefined) {
      this.warnings.push({
        at: `annotation ${row.key}`,
        message: `ignored: must be ${row.type.name}, default is ${row.default}`,
        value: text,
      });
    }
    return value;
  }

  /** As {@link read}; 0 counts as absent, and then the value from the OCI resources is used. */
  readPositive(row: AnnotationRow<number>, fallback: number | undefined): number | undefined {
    const value = this.read(row);
    return value === undefined || value === 0 ? fallback : value;
  }
}
