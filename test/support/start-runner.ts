/**
 * Runs `start` in a process of its own, as containerd does: it hands its socket over and must then be gone. Takes flags and
 * context as JSON, prints the address.
 */
import { start, type StartContext } from "../../shim/commands/start.ts";
import type { ShimFlags } from "../../shim/flags.ts";
import type { Options } from "../../shim/options/own.ts";
import { linuxReclaimers } from "../../shim/resources/linux-reclaimers.ts";
import type { Reclaimers } from "../../shim/resources/reclaim.ts";

const { flags, context } = JSON.parse(process.argv[2] ?? "{}") as {
  flags: ShimFlags;
  context: Omit<StartContext, "stdin" | "reclaimers">;
};

const reclaimers = async (options: Options): Promise<Reclaimers> =>
  linuxReclaimers(options.emulatorStateDirectory);

start(flags, { ...context, stdin: new Uint8Array(0), reclaimers }).then(
  (address) => process.stdout.write(address, () => process.exit(0)),
  (error: unknown) => process.stderr.write(String(error), () => process.exit(1)),
);
