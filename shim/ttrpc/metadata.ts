/** What accompanies a call: keys with one or more values, as containerd's namespace and trace context travel. */
import type { KeyValue } from "../../protos/gen/ttrpc.ts";

/** Metadata as callers write it: one value or several per key. */
export type MetadataInit = Readonly<Record<string, string | readonly string[]>> | Metadata;

/** An ordered multi-map. Keys are lower case; asking ignores case. */
export class Metadata implements Iterable<readonly [key: string, value: string]> {
  readonly #values: Map<string, string[]> = new Map();

  static from(init: MetadataInit | undefined): Metadata {
    if (init instanceof Metadata) return init;
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(init ?? {})) {
      for (const one of typeof value === "string" ? [value] : value) metadata.append(key, one);
    }
    return metadata;
  }

  /** From the wire: a repeated key has several values, in their order. */
  static fromKeyValues(pairs: readonly KeyValue[]): Metadata {
    const metadata = new Metadata();
    for (const { key, value } of pairs) metadata.append(key, value);
    return metadata;
  }

  get size(): number {
    return this.#values.size;
  }

  /** The first value of a key. */
  get(key: string): string | undefined {
    return this.#values.get(key.toLowerCase())?.[0];
  }

  /** All values of a key, in order. */
  getAll(key: string): readonly string[] {
    return this.#values.get(key.toLowerCase()) ?? [];
  }

  has(key: string): boolean {
    return this.#values.has(key.toLowerCase());
  }

  /** Adds a value to those a key has. */
  append(key: string, value: string): this {
    const name = key.toLowerCase();
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
    return this;
  }

  /** Replaces the values of a key. */
  set(key: string, ...values: readonly string[]): this {
    const name = key.toLowerCase();
    if (values.length === 0) this.#values.delete(name);
    else this.#values.set(name, [...values]);
    return this;
  }

  /** Every value with its key. */
  *[Symbol.iterator](): IterableIterator<readonly [key: string, value: string]> {
    for (const [key, values] of this.#values) for (const value of values) yield [key, value];
  }

  /** For the wire. */
  toKeyValues(): KeyValue[] {
    return Array.from(this, ([key, value]) => ({ key, value }));
  }
}
