/** How far a copy is, on a line that is written over and over; nothing where nobody watches. */
import type { WriteStream } from "node:tty";

/** Between two looks of the line, ms. */
const REFRESH_MS = 100;
const BAR_WIDTH = 30;
const MIB = 1 << 20;

export class Progress implements Disposable {
  readonly #stream: Pick<WriteStream, "write"> & { readonly isTTY?: boolean };
  readonly #total: number | undefined;
  readonly #begun: number;
  readonly #now: () => number;
  #bytes = 0;
  #shownAt = -Infinity;

  /** @param total bytes; undefined where it is not known beforehand */
  constructor(
    stream: Pick<WriteStream, "write"> & { readonly isTTY?: boolean },
    total: number | undefined,
    now: () => number = () => performance.now(),
  ) {
    this.#stream = stream;
    this.#total = total;
    this.#now = now;
    this.#begun = now();
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#now() - this.#shownAt >= REFRESH_MS) this.#show();
  }

  /** A line of its own, for everybody. */
  note(text: string): void {
    this.#clear();
    this.#stream.write(`${text}\n`);
  }

  [Symbol.dispose](): void {
    if (this.#shownAt === -Infinity) return;
    this.#show();
    this.#stream.write("\n");
  }

  #show(): void {
    if (this.#stream.isTTY !== true) return;
    this.#shownAt = this.#now();
    this.#clear();
    this.#stream.write(this.#line());
  }

  #line(): string {
    const seconds = Math.max((this.#now() - this.#begun) / 1000, 0.001);
    const rate = `${(this.#bytes / MIB / seconds).toFixed(0)} MiB/s`;
    const done = `${(this.#bytes / MIB).toFixed(1)} MiB`;
    if (this.#total === undefined || this.#total === 0) return `${done}  ${rate}`;
    const part = Math.min(1, this.#bytes / this.#total);
    const bar = "#".repeat(Math.floor(part * BAR_WIDTH)).padEnd(BAR_WIDTH, "-");
    return `[${bar}] ${Math.floor(part * 100)} %  ${done}  ${rate}`;
  }

  #clear(): void {
    if (this.#stream.isTTY === true) this.#stream.write("\r\u001b[K");
  }
}
