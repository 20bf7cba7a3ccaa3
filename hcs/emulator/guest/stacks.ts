/** The text that DumpStacks answers: what the guest is doing, for people who look for something that hangs. */
import { readFileSync } from "node:fs";
import type { Agent } from "./agent.ts";
import type { Container } from "./container.ts";

/** Longest text, characters: it must fit a frame that every host accepts. */
const MAX_LENGTH = 60_000;

export function describeGuest(agent: Agent): string {
  const resources = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) resources.set(name, (resources.get(name) ?? 0) + 1);
  const lines = [
    `guest agent, process ${process.pid}, up ${Math.round(process.uptime())} s, node ${process.version}`,
    `memory: ${JSON.stringify(process.memoryUsage())}`,
    `waiting for: ${[...resources].map(([name, count]) => `${count} ${name}`).join(", ")}`,
    `processes of the VM: ${agent.vmProcessIds().join(", ") || "none"}`,
    ...agent.containers.all().flatMap((container) => describeContainer(agent, container)),
    "stack:",
    ...(new Error("here").stack ?? "").split("\n").slice(1),
  ];
  return lines.join("\n").slice(0, MAX_LENGTH);
}

function describeContainer(agent: Agent, container: Container): string[] {
  const { kind, init } = container.about;
  return [
    `container ${container.id}: ${kind.type} of ${kind.sandboxId}, ${container.state}, init ${init.pid}`,
    ...agent.processesOf(container).map((pid) => `  process ${pid}: ${describeProcess(pid)}`),
  ];
}

/** State, name and what it waits for in the kernel (proc(5)). */
function describeProcess(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const state = stat.charAt(stat.lastIndexOf(")") + 2);
    return `${state} ${name}, in ${readFileSync(`/proc/${pid}/wchan`, "latin1")}`;
  } catch {
    // It ended while it was looked at.
    return "gone";
  }
}
