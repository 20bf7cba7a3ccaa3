/**
 * What stands for the stacks of a process without threads of its own: whatever it waits for. Each open phase is a chain of
 * calls that has not come back; the resources are what can wake the process.
 */
import type { Clock } from "../clock.ts";
import type { Timeline } from "../phases/timeline.ts";

export function stacks(timeline: Pick<Timeline, "running">, clock: Pick<Clock, "now">): string {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const phases = timeline.running().map(({ phase, verb, task, exec, startedAt }) => {
    const subject = exec === undefined ? `"${task}"` : `"${exec}" in "${task}"`;
    return `phase ${phase} of ${verb} ${subject}, for ${clock.now() - startedAt} ms`;
  });
  const resources = [...counts].map(([name, count]) => `${name}: ${count}`).sort();
  return [
    `process ${process.pid}, node ${process.version}, up ${Math.round(process.uptime())} s`,
    section("waits for", phases),
    section("active resources", resources),
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string {
  return `\n${title}:\n${(lines.length === 0 ? ["nothing"] : lines).map((line) => `  ${line}`).join("\n")}`;
}
