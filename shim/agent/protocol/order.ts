/**
 * In which order frames may come. Client: header, input files, end. Server: output of the process, one result, output
 * files, end; for a transfer into a container a state comes before everything else. Anything else is refused at once.
 */
import type { ExecClientFrame, ExecHeader, ExecServerFrame, InputFile } from "../../../protos/gen/agent.ts";
import { AgentError } from "./errors.ts";

export type ClientFrame =
  | { readonly kind: "header"; readonly header: ExecHeader }
  | { readonly kind: "input"; readonly input: InputFile };

/** Follows what a client sends. */
export class ClientOrder {
  #hasHeader = false;

  /** @throws {AgentError} for a frame that may not come now, or has nothing in it */
  next(frame: ExecClientFrame): ClientFrame {
    const { header, input } = frame;
    if (header !== undefined && input === undefined) {
      if (this.#hasHeader) throw misplaced("a second header");
      this.#hasHeader = true;
      return { kind: "header", header };
    }
    if (input !== undefined && header === undefined) {
      if (!this.#hasHeader) throw misplaced("an input file before the header");
      return { kind: "input", input };
    }
    throw misplaced("a frame that is neither header nor input file");
  }
}

type ServerKind = "state" | "stdio" | "result" | "output";

export type ServerFrame = {
  [Kind in ServerKind]: { readonly kind: Kind; readonly body: NonNullable<ExecServerFrame[Kind]> };
}[ServerKind];

/** Which kinds may follow: by what came last that matters. */
const SERVER_NEXT: Readonly<Record<"begin" | "told" | "running" | "over", readonly ServerKind[]>> = {
  begin: ["state", "stdio", "result"],
  told: ["state", "result"],
  running: ["stdio", "result"],
  over: ["output"],
};

const AFTER: Readonly<Record<ServerKind, keyof typeof SERVER_NEXT>> = {
  state: "told",
  stdio: "running",
  result: "over",
  output: "over",
};

/** Follows what a server sends. */
export class ServerOrder {
  #at: keyof typeof SERVER_NEXT = "begin";

  /** @throws {AgentError} */
  next(frame: ExecServerFrame): ServerFrame {
    const present = (["state", "stdio", "result", "output"] as const).filter(
      (kind) => frame[kind] !== undefined,
    );
    const [kind] = present;
    if (kind === undefined || present.length !== 1) throw misplaced("a frame of no known kind", "internal");
    if (!SERVER_NEXT[this.#at].includes(kind)) {
      const where = this.#at === "over" ? "after the result" : "before it was due";
      throw misplaced(`${kind} ${where}`, "internal");
    }
    this.#at = AFTER[kind];
    return { kind, body: frame[kind] } as ServerFrame;
  }

  /** The stream has ended well. @throws {AgentError} where no result came */
  end(): void {
    if (this.#at !== "over") throw new AgentError("internal", "stream closed without result");
  }
}

function misplaced(what: string, status: "invalid argument" | "internal" = "invalid argument"): AgentError {
  return new AgentError(status, `unexpected frame: ${what}`);
}
