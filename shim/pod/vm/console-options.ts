/** Whether the console of a VM is logged, and by which pipe. */
import { randomUUID } from "node:crypto";
import { vmConsolePipe } from "../../../oci/annotations/catalogue.ts";
import type { VmOptions } from "../../../oci/documents/vm-options.ts";
import type { PodEnvironment } from "../environment.ts";
import type { CreateRequest } from "../request.ts";

/** The options with a serial port of our own where one is asked for that nobody else has. */
export function withConsoleLog<T extends VmOptions>(
  options: T,
  { id, options: { consoleLog } }: CreateRequest,
  { backend, logger }: Pick<PodEnvironment, "backend" | "logger">,
): T {
  if (!consoleLog) return options;
  if (options.consolePipe === "") {
    const consolePipe = `${backend.traits.pipePrefix}${randomUUID()}`;
    return { ...options, consolePipe, consoleIsLog: true };
  }
  const message = `the console of the VM is not logged: annotation ${vmConsolePipe.key} gives it to somebody else`;
  logger.warn(message, { id, pipe: options.consolePipe });
  return options;
}
