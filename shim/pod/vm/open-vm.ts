/** Makes a pod's VM: created, held, booted until its guest answers. */
import path from "node:path";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { BoundaryLevel } from "../../../oci/boundary/levels.ts";
import type { LogFields } from "../../log/logger.ts";
import type { GuestBoot } from "./boot/boot.ts";
import type { CreateContext, PodView } from "../containers.ts";
import { ConsoleLog } from "./console-log.ts";
import { GuestLogTail } from "./guest-log-tail.ts";
import { Uvm, type UvmInit } from "./uvm.ts";

/** What a VM is made of. */
export interface VmRequest {
  /** `<pod id>@vm`. */
  readonly id: string;
  readonly document: ComputeSystemDocument;
  readonly boot: GuestBoot;
  readonly level: BoundaryLevel;
  /** What listens to its first serial port; undefined: nobody of ours. */
  readonly console: { readonly pipe: string; readonly bundle: string } | undefined;
}

/** Lines of a guest that did not come up which are told. */
const LAST_WORDS = 10;

/** @param onCreated called as soon as the VM exists, before it boots */
export async function openVm(
  pod: PodView,
  { id, document, boot, level, console }: VmRequest,
  { holdings, phasesOf }: CreateContext,
  onCreated: (uvm: Uvm) => void,
): Promise<Uvm> {
  const { backend, logger } = pod.environment;
  let created: Uvm | undefined;
  let consoleLog: ConsoleLog | undefined;
  const logTail = new GuestLogTail();
  const adopts = pod.environment.takeover?.guestOf(pod.id);
  const uvm = await holdings.acquire(
    { kind: "vm", key: `vm:${id}`, data: { id } },
    async () => {
      const init: UvmInit = {
        ...(adopts === undefined ? {} : { adopts }),
        id,
        document,
        level,
        backend,
        boot,
        guestLog: {
          onRecord: (record) => {
            const { level, message, fields } = record;
            logTail.add(record);
            logger.log(level === "warning" ? "warn" : level, message, { uvm: id, ...plainFields(fields) });
          },
          onTerminated: (text) => {
            logTail.addLastWords(text);
            logger.error("the guest ended with a message", { uvm: id, text });
          },
        },
        logTail,
        report: (message, error) => pod.report(message, error),
      };
      const phases = phasesOf("create");
      created = await (adopts === undefined ? Uvm.create(init, phases) : Uvm.adopt(init, phases));
      return created;
    },
    async () => {
      await created?.close(phasesOf("exit"));
      await consoleLog?.close();
    },
  );
  onCreated(uvm);
  // The port of a VM that is taken over has a name that only its maker knew: nobody would ever serve this one.
  if (console !== undefined && adopts === undefined) {
    consoleLog = new ConsoleLog({
      pipe: console.pipe,
      file: path[backend.traits.paths].join(console.bundle, "console.log"),
      onLine: (line) => {
        logTail.addConsoleLine(line);
        logger.debug("console of the VM", { uvm: id, line });
      },
      report: (message, error) => pod.report(message, error),
    });
  }
  try {
    await (adopts === undefined ? uvm.start(phasesOf("create")) : uvm.meetAgain(phasesOf("create")));
  } catch (error) {
    const last = logTail.lines().slice(-LAST_WORDS);
    for (const { text } of last) logger.error("the VM did not come up, it said last", { uvm: id, text });
    throw error;
  }
  return uvm;
}

/** Fields of a guest's log line, as fields of ours. */
function plainFields(fields: Readonly<Record<string, unknown>>): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? value
        : JSON.stringify(value),
    ]),
  );
}
