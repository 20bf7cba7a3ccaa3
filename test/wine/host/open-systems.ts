/** Compute systems and processes that DLLs hold handles to, by the numbers that the handles have on the way. */
import type { ComputeSystem, HcsProcess } from "../../../hcs/api.ts";
import { HcsError } from "../../../hcs/errors.ts";
import type { Connection } from "./connection.ts";

const INVALID_HANDLE = 0x8007_0006;

interface Entry<T> {
  readonly value: Promise<T>;
  readonly forget: () => void;
}

class HandleTable<T extends { close(): Promise<void> }> {
  readonly #kind: string;
  readonly #entries = new Map<number, Entry<T>>();
  static #lastId = 0;

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** A handle to what is being made; of no use when making it fails. */
  add(connection: Connection, value: Promise<T>): number {
    const id = ++HandleTable.#lastId;
    // Whoever uses the handle sees why there is nothing behind it.
    value.catch(() => undefined);
    const forget = connection.onGone(() => this.close(id));
    this.#entries.set(id, { value, forget });
    return id;
  }

  async get(id: number): Promise<T> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry.value;
    throw new HcsError({ operation: `use ${this.#kind}`, target: String(id), hresult: INVALID_HANDLE });
  }

  async close(id: number): Promise<void> {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    entry?.forget();
    const value = await entry?.value.catch(() => undefined);
    await value?.close();
  }
}

export const systems: HandleTable<ComputeSystem> = new HandleTable("compute system");
export const processes: HandleTable<HcsProcess> = new HandleTable("process");
