/** Keeps a recording in memory. */
import { formatLine, type TraceHeader, type TraceLine } from "../../hcs/trace/format.ts";
import type { TraceSink } from "../../hcs/trace/recorder.ts";

export class MemorySink implements TraceSink {
  /** As it would be in a file. */
  text = "";

  write(line: TraceHeader | TraceLine): void {
    this.text += formatLine(line);
  }
}
