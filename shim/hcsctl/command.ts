/** What a verb of hcsctl is: data for the help, and the work. */
import type { Options } from "../options/own.ts";

export interface Flag {
  readonly name: string;
  readonly type: "string" | "boolean";
  /** One letter that stands for it too. */
  readonly short?: string;
  /** May be given again and again: its values are in {@link CommandContext.lists}. */
  readonly multiple?: boolean;
  /** For the help: what a value is called. */
  readonly value?: string;
  readonly default?: string;
  readonly description: string;
}

export interface CommandContext {
  /** Values of the flags by name; switches that are off are absent. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  /** Values of the flags that may be given several times. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>;
  readonly arguments: readonly string[];
  readonly options: Options;
  readonly print: (text: string) => void;
  /** The answer is printed and bad: the process exits with {@link EXIT.failed}. */
  readonly fail: () => void;
  /** The process exits with this code. */
  readonly exit: (code: number) => void;
}

export interface Command {
  /** Words that select it: `emulator gc`. */
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** More for its help, after the summary. */
  readonly help?: string;
  readonly flags: readonly Flag[];
  /** Fewest and most arguments. */
  readonly arity: readonly [number, number];
  run(context: CommandContext): Promise<void>;
}

/** Documented exit codes. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

export const JSON_FLAG: Flag = { name: "json", type: "boolean", description: "print JSON, for programs" };

/** Which shim is meant: flags as those of ctr. */
export const SHIM_FLAGS: readonly Flag[] = [
  {
    name: "address",
    type: "string",
    value: "PATH",
    default: "/run/containerd/containerd.sock",
    description: "containerd that the shim belongs to",
  },
  { name: "namespace", type: "string", value: "NS", default: "k8s.io", description: "containerd namespace" },
];
