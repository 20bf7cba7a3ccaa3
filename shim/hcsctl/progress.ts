/** A bar for work that takes longer than a person waits without wondering. On terminals only, on standard error. */

export interface ProgressBar extends Disposable {
  /** @param total 0 when nobody knows */
  update(done: number, total: number): void;
}

/** Shorter work shows nothing. */
const PATIENCE_MS = 1000;
/** Between two drawings. */
const INTERVAL_MS = 100;
const WIDTH = 30;

export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function progressBar(
  title: string,
  output: ProgressOutput = process.stderr,
  now: () => number = () => performance.now(),
): ProgressBar {
  const begun = now();
  let drawn = 0;
  let shown = false;
  return {
    update: (done, total) => {
      const time = now();
      if (output.isTTY !== true || time - begun < PATIENCE_MS || time - drawn < INTERVAL_MS) return;
      drawn = time;
      shown = true;
      output.write(`\r${barText(title, done, total)}\u001b[K`);
    },
    [Symbol.dispose]: () => {
      if (shown) output.write("\r\u001b[K");
    },
  };
}

/** `importing [=====>     ]  42 %  12.3 / 29.1 MB` */
export function barText(title: string, done: number, total: number): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  if (total <= 0) return `${title} ${megabytes(done)} MB`;
  const share = Math.min(1, done / total);
  const filled = Math.round(share * WIDTH);
  const bar = `${"=".repeat(Math.max(0, filled - 1))}${filled > 0 ? ">" : ""}`.padEnd(WIDTH);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `${title} [${bar}] ${percent} %  ${megabytes(done)} / ${megabytes(total)} MB`;
}
