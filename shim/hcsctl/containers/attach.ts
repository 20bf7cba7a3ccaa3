/** Joins the terminal this runs in with a process: streams, signals, size. */
import type { ContainerProcess } from "../../client/process.ts";

/** Signals that a person or a supervisor sends to the tool and means for the program. */
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Until it is disposed of. @param terminal the process has one: keys go to it as they are */
export function attachTerminal(target: ContainerProcess, terminal: boolean): Disposable {
  const { stdin, stdout, stderr } = process;
  target.stdout?.pipe(stdout, { end: false });
  target.stderr?.pipe(stderr, { end: false });
  const undo: (() => void)[] = [];
  if (target.stdin !== undefined) {
    const isRaw = terminal && stdin.isTTY;
    if (isRaw) stdin.setRawMode(true);
    stdin.pipe(target.stdin);
    undo.push(() => {
      if (isRaw) stdin.setRawMode(false);
      stdin.unpipe();
      stdin.pause();
      stdin.unref?.();
    });
  }
  for (const signal of FORWARDED) {
    // A process that has ended in the meantime needs none.
    const forward = (): void => void target.kill(signal).catch(() => undefined);
    process.on(signal, forward);
    undo.push(() => void process.removeListener(signal, forward));
  }
  if (terminal && stdout.isTTY) {
    const resize = (): void =>
      void target.resize({ columns: stdout.columns, rows: stdout.rows }).catch(() => undefined);
    resize();
    stdout.on("resize", resize);
    undo.push(() => void stdout.removeListener("resize", resize));
  }
  return {
    [Symbol.dispose]: () => {
      for (const each of undo) each();
    },
  };
}
