/** A checked call of a native function, as a handler sees it. */
import { parseJson } from "../../../hcs/json.ts";
import type { Connection } from "./connection.ts";
import type { Faults } from "./faults.ts";
import type { Fields, Frame } from "./frame.ts";
import type { Streams } from "./streams.ts";
import type { HcsBackend } from "../../../hcs/api.ts";

/** What a handler answers: `hresult` is 0 where it is left out. */
export type Answer = Fields & { readonly hresult?: number };

/** What handlers share. */
export interface RigMachine {
  readonly backend: HcsBackend;
  readonly streams: Streams;
  readonly faults: Faults;
  /** Writes down that the DLLs were used in a way that the real ones would not stand. */
  violation(call: string, what: string): void;
}

/** Answers calls of one native function. What it throws is answered: an HcsError with its code, anything else is a violation. */
export type Handler = (call: Call, machine: RigMachine) => Promise<Answer> | Answer;

/** Native function → who answers it. */
export type Handlers = Readonly<Record<string, Handler>>;

export class Call {
  readonly connection: Connection;
  readonly function: string;
  readonly #fields: Frame["fields"];
  readonly #violation: (what: string) => void;

  constructor(connection: Connection, frame: Frame, violation: (call: string, what: string) => void) {
    this.connection = connection;
    this.function = String(frame.fields["function"]);
    this.#fields = frame.fields;
    this.#violation = (what) => violation(this.function, what);
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }

  number(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number") throw new Error(`${this.function}: field ${name} is no number`);
    return value;
  }

  /** Undefined for NULL. */
  text(name: string): string | undefined {
    return this.#fields[name]?.toString();
  }

  /** A text that the native function requires to be a JSON object; undefined for NULL and for an empty text. */
  json(name: string): unknown {
    const text = this.text(name);
    if (text === undefined || text === "") return undefined;
    try {
      return parseJson(text);
    } catch {
      this.#violation(`argument ${name} is no JSON: ${text}`);
      return undefined;
    }
  }

  /** Notes a violation where a call does not look as it should. */
  expect(name: string, wanted: number): void {
    const value = this.number(name);
    if (value !== wanted) this.#violation(`argument ${name} is ${value}, not ${wanted}`);
  }
}
