/** A terminal that a test types into, sees the screen of and resizes. util-linux's `script` makes it. */
import { closeSync, openSync } from "node:fs";
import { setWindowSize } from "../../hcs/posix/libc.ts";
import { type CommandResult, RunningCommand } from "./command.ts";
import { until } from "./until.ts";

export interface WindowSize {
  readonly height: number;
  readonly width: number;
}

/** A program running on a terminal of its own. */
export class Terminal {
  readonly #script: RunningCommand;
  readonly #device: string;

  private constructor(script: RunningCommand, device: string) {
    this.#script = script;
    this.#device = device;
  }

  /** Starts `command` on a new terminal of the given size. */
  static async open(command: readonly string[], size: WindowSize): Promise<Terminal> {
    const line = command.map(quote).join(" ");
    // The terminal has no size yet, and nobody else can tell which one it is.
    const prepare = `stty rows ${size.height} cols ${size.width}; echo "terminal=$(tty)."`;
    const script = new RunningCommand(
      "script",
      ["--quiet", "--return", "--flush", "--command", `${prepare}; exec ${line}`, "/dev/null"],
      { stdin: "pipe" },
    );
    const device = await until(
      "the terminal's name",
      () => /terminal=(\/dev\/\S+)\./.exec(script.output)?.[1],
      {
        state: () => script.errors,
      },
    );
    return new Terminal(script, device);
  }

  /** Types. A line ends with `\n`. */
  type(text: string): void {
    this.#script.stdin.write(text);
  }

  /** Everything that has been on the screen. */
  get screen(): string {
    return this.#script.output;
  }

  /** Waits until the screen has shown something. */
  async shows(pattern: RegExp): Promise<void> {
    await until(`${String(pattern)} on the terminal`, () => pattern.test(this.screen), {
      state: () => this.screen,
    });
  }

  /** Waits until the screen has shown a line that is `text` and nothing else. */
  async showsLine(text: string): Promise<void> {
    await until(`line "${text}" on the terminal`, () => this.screen.split(/[\r\n]+/).includes(text), {
      state: () => JSON.stringify(this.screen),
    });
  }

  /** Changes the size, of which the kernel tells the program by SIGWINCH. */
  resize(size: WindowSize): void {
    const O_NOCTTY = 0o400;
    const fd = openSync(this.#device, 2 | O_NOCTTY);
    try {
      setWindowSize(fd, size);
    } finally {
      closeSync(fd);
    }
  }

  /** Waits for the program's end. */
  async wait(): Promise<CommandResult> {
    const result = await this.#script.wait();
    this.#script.stdin.destroy();
    return result;
  }

  /** Ends the program whatever it is doing. */
  close(): void {
    this.#script.kill("SIGKILL");
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
