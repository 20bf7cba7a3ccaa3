/** Writes down everything a shim does to the outside, and fails what is scripted to fail. */
import { isDeepStrictEqual } from "node:util";
import { HcsError } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import type { ScriptedFailure } from "./platform.ts";

export type TraceEntry = { readonly call: string } & Readonly<Record<string, unknown>>;

/** A document that stands in a file of its own. */
export interface FileReference {
  readonly $file: string;
}

export class Recorder {
  readonly entries: TraceEntry[] = [];
  /** Name of the file → document. */
  readonly documents: Map<string, unknown> = new Map();
  readonly #failures: readonly ScriptedFailure[];
  /** How often each scripted failure has matched. */
  readonly #matches = new Map<ScriptedFailure, number>();

  constructor(failures: readonly ScriptedFailure[] = []) {
    this.#failures = failures;
  }

  note(entry: TraceEntry): void {
    this.entries.push(plain(entry) as TraceEntry);
  }

  /** Notes a call. @throws {HcsError} when it is scripted to fail */
  attempt(entry: TraceEntry): void {
    this.note(entry);
    const hresult = this.#failureOf(entry);
    if (hresult !== undefined)
      throw new HcsError({ operation: entry.call, hresult, detail: "scripted to fail" });
  }

  /** Keeps a document under its name, further ones of that name under numbered names. */
  keep(name: string, document: unknown): FileReference {
    const value = plain(document);
    for (let n = 1; ; n++) {
      const $file = n === 1 ? `${name}.json` : `${name}-${n}.json`;
      const known = this.documents.get($file);
      if (known !== undefined && !isDeepStrictEqual(known, value)) continue;
      this.documents.set($file, value);
      return { $file };
    }
  }

  #failureOf(entry: TraceEntry): number | undefined {
    let failure: ScriptedFailure | undefined;
    for (const candidate of this.#failures) {
      if (candidate.call !== entry.call || !this.#mentions(entry, candidate.match ?? "")) continue;
      const count = (this.#matches.get(candidate) ?? 0) + 1;
      this.#matches.set(candidate, count);
      if (candidate.nth === undefined || candidate.nth === 0 || candidate.nth === count)
        failure ??= candidate;
    }
    return failure?.hresult;
  }

  /** Whether a piece of text is in a call, in a document it hands over too; backslashes as in JSON, or single. */
  #mentions(entry: TraceEntry, piece: string): boolean {
    const text = stringifyJson(entry).replaceAll(/\{"\$file":"([^"]+)"\}/g, (whole, name: string) =>
      this.documents.has(name) ? stringifyJson(this.documents.get(name)) : whole,
    );
    return text.includes(piece) || text.replaceAll("\\\\", "\\").includes(piece);
  }
}

/** A value as it is in JSON. */
export function plain(value: unknown): unknown {
  return parseJson(stringifyJson(value));
}
