/** Message types by name, to show what an Any holds whose type is known only at run time. */
import { typeNameOf } from "./any.ts";
import type { Any } from "./gen/google.ts";
import type { MessageType } from "./types.ts";
import { WireError } from "./wire-error.ts";

/** Finds message types by the type URLs that name them. */
export class TypeRegistry {
  readonly #types: ReadonlyMap<string, MessageType<unknown>>;

  constructor(types: readonly MessageType<unknown>[]) {
    this.#types = new Map(types.map((type) => [type.typeName, type]));
  }

  /** @param url bare or prefixed, see {@link typeNameOf} */
  lookup(url: string): MessageType<unknown> | undefined {
    return this.#types.get(typeNameOf(url));
  }

  /**
   * What `any` holds, as a value that JSON can show: `@type` and the fields, 64-bit numbers as text, bytes in
   * base64, an Any within likewise. Of a type that is not registered, and of JSON (which may carry
   * environment variables and credentials), only type and size are shown.
   */
  show(any: Any): Record<string, unknown> {
    const type = this.lookup(any.typeUrl);
    const opaque = { "@type": any.typeUrl, bytes: any.value.length };
    if (type === undefined) return opaque;
    try {
      return { "@type": type.typeName, ...(this.#plain(type.decode(any.value)) as object) };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { ...opaque, error: error.message };
    }
  }

  #plain(value: unknown): unknown {
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
    if (Array.isArray(value)) return value.map((item) => this.#plain(item));
    if (typeof value !== "object" || value === null) return value;
    if (isAny(value)) return this.show(value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#plain(item)]));
  }
}

function isAny(value: object): value is Any {
  return (
    Object.keys(value).length === 2 &&
    "typeUrl" in value &&
    "value" in value &&
    value.value instanceof Uint8Array
  );
}
