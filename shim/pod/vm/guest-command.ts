/** Programs that the shim itself runs in a VM, beside its containers. */
import type { HcsProcess } from "../../../hcs/api.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import { ShimError } from "../../errors.ts";
import type { UvmView } from "./uvm.ts";

/** Long enough for any message a program has about a failure. */
const MOST_OUTPUT = 64 * 1024;

/**
 * Runs a program until it has ended.
 *
 * @param stream the one whose text is wanted
 * @returns what it wrote there
 * @throws {ShimError} GUEST_COMMAND_FAILED when it does not end with 0
 */
export async function runInVm(
  uvm: UvmView,
  parameters: ProcessParameters,
  stream: "stdout" | "stderr",
  signal: AbortSignal,
): Promise<string> {
  const pipe = stream === "stdout" ? { CreateStdOutPipe: true } : { CreateStdErrPipe: true };
  const process = await uvm.guest.createProcess({ ...parameters, ...pipe }, { signal });
  try {
    const text = await read(process, stream);
    const { exitCode } = await process.exited;
    if (exitCode === 0) return text;
    const command = parameters.CommandLine ?? parameters.CommandArgs?.join(" ") ?? "";
    const said = text.trim() === "" ? "" : `: ${text.trim()}`;
    throw new ShimError(
      "GUEST_COMMAND_FAILED",
      `cannot run "${command}" in VM "${uvm.id}": it ended with ${exitCode}${said}`,
    );
  } finally {
    await process.close();
  }
}

async function read(process: HcsProcess, stream: "stdout" | "stderr"): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdio[stream] ?? []) {
    if (length < MOST_OUTPUT) chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
  }
  return Buffer.concat(chunks).subarray(0, MOST_OUTPUT).toString("utf8");
}
