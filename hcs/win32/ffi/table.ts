/**
 * Signature tables: what is called of each DLL, as data. One file per DLL in `libraries/`. Tables load nothing, so they can be
 * read on any platform; `docs/windows.md` is printed from them.
 */
import type { Signature } from "./types.ts";

export interface NativeLibrary {
  /** File name in the system directory. */
  readonly file: string;
  /** The functions are those that the running program exports; it need not have the name above. */
  readonly isProgram?: boolean;
  /** First Windows build that has the functions. */
  readonly since: number;
  /** What they are for: reads well after "is needed for". */
  readonly feature: string;
  /** Where the signatures are from. */
  readonly source: string;
  /** What only a real host can prove about them. */
  readonly unproven?: string;
  readonly functions: Readonly<Record<string, Signature>>;
  /** What is different about single functions. */
  readonly facts?: Readonly<Record<string, FunctionFacts>>;
}

export interface FunctionFacts {
  readonly since?: number;
  readonly feature?: string;
  readonly unproven?: string;
}
