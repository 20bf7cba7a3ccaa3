/** Option `trace.directory`: the platform's backend behind a recorder. */
import { join } from "node:path";
import type { HcsBackend } from "../hcs/api.ts";
import type { ShimFlags } from "./flags.ts";
import { messageOf } from "./errors.ts";
import type { Logger } from "./log/logger.ts";

/** @returns the backend itself when nothing is to be recorded, or cannot be: a pod does not fail for that */
export async function recorded(
  backend: HcsBackend,
  directory: string,
  { namespace, id }: Pick<ShimFlags, "namespace" | "id">,
  logger: Logger,
): Promise<HcsBackend> {
  if (directory === "") return backend;
  const [{ Recording }, { openTraceFile }] = await Promise.all([
    import("../hcs/trace/recorder.ts"),
    import("../hcs/trace/file.ts"),
  ]);
  const path = join(directory, `${namespace}-${id}-${process.pid}.jsonl`);
  try {
    const recording = new Recording(openTraceFile(path));
    logger.info("everything is recorded", { path });
    return recording.of(backend);
  } catch (error) {
    logger.error("nothing is recorded", { path, error: messageOf(error) });
    return backend;
  }
}
