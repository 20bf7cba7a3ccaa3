/**
 * Progress of a script that works in steps. A terminal sees a line that moves while a step runs; a file or a pipe gets
 * one plain line when a step that takes long begins and one when a step ends.
 */
import { formatDuration } from "./format.ts";
import { styleFor } from "./style.ts";

/** Says what a running step is at. */
export type Update = (detail: string) => void;

/** Where a script reports to. */
export interface Reporter {
  /** Starts a group of steps. */
  heading(text: string): void;
  /** Text of its own, indented under the heading. */
  note(...lines: readonly string[]): void;
  warn(text: string): void;
  /**
   * Runs one step and reports how it went and how long it took. What `work` returns is the step's result; what it
   * passed to `update` last is shown behind the title.
   *
   * @throws whatever `work` throws, after the line of the step says that it failed
   */
  step<T>(title: string, work: (update: Update) => Promise<T> | T): Promise<T>;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const FRAME_MS = 80;
/** A plain log names a step that has been running this long, so that a reader knows what takes the time. */
const PLAIN_NOTICE_MS = 1000;

/** A {@link Reporter} that writes to `stream`. */
export function createReporter(stream: NodeJS.WriteStream = process.stdout): Reporter {
  const style = styleFor(stream);
  const line = (text: string): void => {
    stream.write(`${text}\n`);
  };
  return {
    heading: (text) => line(`\n${style("bold", text)}`),
    note: (...lines) => lines.forEach((text) => line(text === "" ? "" : `  ${text}`)),
    warn: (text) => line(`  ${style("yellow", style.fancy ? "▲" : "warning:")} ${text}`),
    async step(title, work) {
      const started = performance.now();
      let detail = "";
      const spinner = style.fancy ? spin(stream, title, () => detail) : announceLate(line, title);
      const finish = (mark: string): void => {
        spinner();
        const tail = style("dim", formatDuration(performance.now() - started));
        line(`  ${mark} ${title}${detail === "" ? "" : style("dim", `: ${detail}`)}  ${tail}`);
      };
      try {
        const result = await work((text) => {
          detail = text;
        });
        finish(style("green", style.fancy ? "✔" : "ok  "));
        return result;
      } catch (error) {
        finish(style("red", style.fancy ? "✘" : "FAIL"));
        throw error;
      }
    },
  };
}

/** Draws a moving line until the returned function is called. */
function spin(stream: NodeJS.WriteStream, title: string, detail: () => string): () => void {
  const style = styleFor(stream);
  const started = performance.now();
  let frame = 0;
  const draw = (): void => {
    const elapsed = formatDuration(performance.now() - started);
    const text = `${title}${detail() === "" ? "" : `: ${detail()}`}`;
    const room = Math.max(10, (stream.columns > 0 ? stream.columns : 80) - elapsed.length - 8);
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text;
    stream.write(
      `\r\u001b[2K  ${style("cyan", FRAMES[frame % FRAMES.length] ?? "")} ${shown}  ${style("dim", elapsed)}`,
    );
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  return () => {
    clearInterval(timer);
    stream.write("\r\u001b[2K");
  };
}

/** Writes the title once, when the step is still running after a while. */
function announceLate(line: (text: string) => void, title: string): () => void {
  const timer = setTimeout(() => line(`  ...  ${title}`), PLAIN_NOTICE_MS);
  return () => clearTimeout(timer);
}
