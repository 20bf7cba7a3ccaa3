/** What people wait for. */
import type { Bench } from "../measure.ts";
import { addressOfTask, connectTask, keeperRested, type Subject } from "../subjects.ts";

const SIGKILL = 9;

export async function runTime(subject: Subject, { serial }: Bench): Promise<number> {
  await keeperRested(subject);
  const started = performance.now();
  const result = await subject.containerd
    .ctr()
    .run(`run-${serial}`, { args: ["true"], runtime: subject.runtimeType });
  const elapsed = performance.now() - started;
  if (result.code !== 0) throw new Error(`cannot run a task by ${subject.name}: ${result.stderr}`);
  return elapsed;
}

export async function execTime({ containerd, idleTask, name }: Subject, { serial }: Bench): Promise<number> {
  const started = performance.now();
  const result = await containerd.ctr().exec(idleTask, `exec-${serial}`, ["true"]);
  const elapsed = performance.now() - started;
  if (result.code !== 0) throw new Error(`cannot exec by ${name}: ${result.stderr}`);
  return elapsed;
}

/** From sending Kill until a Wait that was there before is answered. */
export async function killTime(subject: Subject, { serial }: Bench): Promise<number> {
  const id = `kill-${serial}`;
  const ctr = subject.containerd.ctr();
  await ctr.runDetached(id, { args: ["sleep", "100000"], runtime: subject.runtimeType });
  const { client, service } = await connectTask(await addressOfTask(subject, id));
  const exited = client.call(service, "Wait", { id });
  const started = performance.now();
  await client.call(service, "Kill", { id, signal: SIGKILL, all: true });
  await exited;
  const elapsed = performance.now() - started;
  await client.close();
  await ctr.remove(id);
  return elapsed;
}
