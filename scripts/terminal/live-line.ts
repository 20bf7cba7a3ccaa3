/** A last line that changes while others scroll above it. Where there is no terminal it is not shown at all. */
import { isFancy } from "./style.ts";

/** The line, and the way to print above it. */
export interface LiveLine {
  /** Replaces the line. */
  show(text: string): void;
  /** Prints lines that stay. */
  print(...lines: readonly string[]): void;
  /** Takes the line away. */
  clear(): void;
}

/** A {@link LiveLine} at the bottom of `stream`. */
export function createLiveLine(stream: NodeJS.WriteStream = process.stdout): LiveLine {
  const fancy = isFancy(stream);
  let shown = "";
  const erase = (): void => {
    if (shown !== "") stream.write("\r\u001b[2K");
  };
  const draw = (): void => {
    if (shown === "") return;
    const room = Math.max(10, (stream.columns > 0 ? stream.columns : 80) - 1);
    stream.write(shown.length > room ? `${shown.slice(0, room - 1)}…` : shown);
  };
  return {
    show(text) {
      if (!fancy) return;
      erase();
      shown = text;
      draw();
    },
    print(...lines) {
      erase();
      for (const line of lines) stream.write(`${line}\n`);
      draw();
    },
    clear() {
      erase();
      shown = "";
    },
  };
}
