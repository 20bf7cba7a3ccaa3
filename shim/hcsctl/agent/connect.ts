/** Opens the container that people name: asks its shim where the agent is, and dials it. */
import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { Diag } from "../../../protos/gen/diag.ts";
import { auditFile, withAudit } from "../../agent/runtime/audit.ts";
import { openHypervisorContainer } from "../../agent/runtime/hypervisor.ts";
import type { IsolatedContainer } from "../../agent/runtime/runtime.ts";
import { agentTarget } from "../../agent/runtime/target.ts";
import { watchTask } from "../../agent/runtime/task-watch.ts";
import { isListening } from "../../bootstrap/address.ts";
import { platformDefaults } from "../../client/connect.ts";
import { askHost } from "../../agent/toolchain/ask-host.ts";
import { declaredToolchains } from "../../agent/toolchain/declared.ts";
import { askContainer, checkParity } from "../../agent/toolchain/probe.ts";
import { openBackend } from "../../backend.ts";
import { ownPrograms } from "../../bootstrap/programs.ts";
import { isObject } from "../../../oci/json.ts";
import { ClientError } from "../../client/errors.ts";
import type { CommandContext } from "../command.ts";
import { openClient } from "../containers/engine.ts";
import { withShim } from "../shim-client.ts";

const OWNER = "hcsctl";

/** Does `work` in a session of its own: recorded, and over when `work` is. */
export async function withContainer<T>(
  context: CommandContext,
  work: (container: IsolatedContainer, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withShim(await shimOf(context), async (client) => {
    const { options, arguments: words } = context;
    const done = new AbortController();
    const interrupted = new AbortController();
    const onInterrupt = (): void => interrupted.abort(new Error("interrupted"));
    process.once("SIGINT", onInterrupt);
    const backend = await openBackend(options, ownPrograms(), OWNER, undefined);
    try {
      const { json } = await client.call(Diag, "Agent", { id: words[0] ?? "" });
      const report: unknown = JSON.parse(json);
      const target = agentTarget(report);
      const over = watchTask(client, target.id, done.signal);
      const opened = await openHypervisorContainer(target, { backend, over }, interrupted.signal);
      const toolchain = await parityOf(context, opened);
      const image = isObject(report) && typeof report["image"] === "string" ? report["image"] : "";
      const about = { session: randomUUID(), user: userInfo().username, image, ...toolchain };
      const audited = withAudit(opened, about, auditFile(options.auditFile));
      try {
        return await work(audited.container, interrupted.signal);
      } finally {
        audited.close();
        await opened.stop();
      }
    } finally {
      done.abort();
      process.off("SIGINT", onInterrupt);
      await backend.close();
    }
  });
}

/** Whose shim: containerd's where one answers, else that of the shim's own client. */
async function shimOf(context: CommandContext): Promise<CommandContext> {
  const { flags, options } = context;
  const address = flags["address"] ?? process.env["CONTAINERD_ADDRESS"] ?? platformDefaults().address;
  const namespace = flags["namespace"] ?? process.env["CONTAINERD_NAMESPACE"] ?? "default";
  const isClients =
    flags["engine"] === "shim" || (flags["engine"] !== "containerd" && !(await isListening(String(address))));
  return {
    ...context,
    flags: { ...flags, namespace, address: isClients ? options.clientStateDirectory : address },
  };
}

/** What is noted of the comparison of compilers. @throws {AgentError} where they differ and must not */
async function parityOf(
  context: CommandContext,
  container: IsolatedContainer,
): Promise<{ readonly toolchain?: string }> {
  const { flags, options } = context;
  const program = flags["compiler"];
  if (typeof program !== "string") return {};
  const comparison = await checkParity(program, {
    host: askHost,
    container: askContainer(container),
    policy: options.parityPolicy,
    declared: declaredToolchains(await labelsOf(context)),
  });
  if (comparison === undefined) return {};
  const { verdict, message, mislabelled } = comparison;
  if (verdict !== "match") process.stderr.write(`hcsctl: warning: compilers differ: ${message}\n`);
  if (mislabelled !== undefined) process.stderr.write(`hcsctl: warning: ${mislabelled}\n`);
  return { toolchain: message };
}

/** Of the container, those of its image among them; none of one that only its shim knows. */
async function labelsOf(context: CommandContext): Promise<Readonly<Record<string, string>>> {
  await using client = await openClient(context);
  try {
    return (await (await client.get(context.arguments[0] ?? "")).info()).labels;
  } catch (error) {
    if (error instanceof ClientError && error.code === "NotFound") return {};
    throw error;
  }
}
