/** Colours for terminals, and nothing at all for files and pipes. */
import { styleText } from "node:util";

type Colour = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Whether `stream` shows escape sequences. NO_COLOR (no-color.org) and a dumb terminal turn them off. */
export function isFancy(stream: NodeJS.WriteStream): boolean {
  if (process.env["NO_COLOR"] !== undefined && process.env["NO_COLOR"] !== "") return false;
  return stream.isTTY && process.env["TERM"] !== "dumb";
}

/** Wraps text in a colour when the stream shows colours. */
export interface Style {
  readonly fancy: boolean;
  (colour: Colour, text: string): string;
}

/** The style for one stream. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  const fancy = isFancy(stream);
  return Object.assign((colour: Colour, text: string) => (fancy ? styleText(colour, text) : text), { fancy });
}
