/** How fast output gets from a process to a client. */
import { RunningCommand } from "../../../test/support/command.ts";
import { effort, type Bench } from "../measure.ts";
import type { Subject } from "../subjects.ts";

const SIZE_MIB = { full: 300, quick: 64 };
const MIB = 1 << 20;

/** From the first byte a client gets to the last, so that starting the command does not count. */
export function streamed(kind: "pipes" | "terminal"): (subject: Subject, bench: Bench) => Promise<number> {
  return async ({ containerd, idleTask, name }, bench) => {
    const size = effort(bench, SIZE_MIB);
    const ctr = containerd.ctr();
    const command = ["dd", "if=/dev/zero", "bs=1M", `count=${size}`];
    let [bytes, first, last] = [0, 0, 0];
    const onOutput = (chunk: Buffer): void => {
      last = performance.now();
      first ||= last;
      bytes += chunk.length;
    };
    const args = ctr.execArguments(idleTask, `stream-${bench.serial}`, command, {
      ...(kind === "terminal" ? { tty: true } : {}),
    });
    const running =
      kind === "pipes"
        ? ctr.start(args, { onOutput })
        : new RunningCommand(
            "script",
            ["--quiet", "--return", "--command", ctr.commandLine(args).join(" "), "/dev/null"],
            { stdin: "pipe", onOutput },
          );
    if (kind === "pipes") running.stdin.end();
    const result = await running.wait();
    // On a terminal dd's own words come the same way.
    if (bytes < size * MIB) throw new Error(`cannot stream by ${name}: got ${bytes} bytes: ${result.stderr}`);
    return bytes / MIB / ((last - first) / 1000);
  };
}
