/** How long containerd waits for a shim. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isConnectionClosed } from "../../../shim/ttrpc/index.ts";
import type { Bench } from "../measure.ts";
import { clock, timeRun } from "../stopwatch.ts";
import { connectTask, keeperRested, type Subject } from "../subjects.ts";

/** The environment that containerd gives: without what only slows Node down, as containerd's own on a node has. */
function environmentOf({ containerd }: Subject): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _certificates, NODE_OPTIONS: _options, ...rest } = process.env;
  return { ...rest, TTRPC_ADDRESS: containerd.ttrpcAddress, RUNHCS_CONFIG: containerd.nodeFile };
}

async function makeBundle(subject: Subject, id: string, spec: object): Promise<string> {
  const bundle = join(subject.containerd.directory, "bench", id);
  await mkdir(join(bundle, "rootfs"), { recursive: true });
  await writeFile(join(bundle, "config.json"), JSON.stringify({ ociVersion: "1.0.2", linux: {}, ...spec }));
  return bundle;
}

function startArguments({ containerd }: Subject, id: string): string[] {
  return [
    ...["-namespace", containerd.namespace],
    ...["-address", containerd.address],
    ...["-publish-binary", join(containerd.installation.directory, "containerd")],
    ...["-id", id, "start"],
  ];
}

/** How often a start is tried whose shim was gone before it was asked anything, as the Go shim now and then is. */
const MOST_ATTEMPTS = 5;
const GONE: ReadonlySet<string> = new Set(["ECONNREFUSED", "ECONNRESET"]);

async function startAndAsk(subject: Subject, { serial }: Bench): Promise<{ start: number; first: number }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startAndAskOnce(subject, `start-${serial}-${attempt}`);
    } catch (error) {
      const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      if (subject.name !== "go" || !GONE.has(code ?? "") || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

/** Starts a shim, asks it something, ends it. */
async function startAndAskOnce(subject: Subject, id: string): Promise<{ start: number; first: number }> {
  await keeperRested(subject);
  const bundle = await makeBundle(subject, id, {});
  const { stdout, began, ended } = await timeRun(subject.program, startArguments(subject, id), {
    ...{ cwd: bundle, env: environmentOf(subject) },
  });
  const address = stdout.startsWith("{") ? (JSON.parse(stdout) as { address: string }).address : stdout;
  if (!address.startsWith("unix://")) throw new Error(`cannot start ${subject.name}: it said ${stdout}`);
  const { client, service } = await connectTask(address.slice("unix://".length));
  const first = clock() - began;
  // The Go shim ends before it has answered.
  await client.call(service, "Shutdown", { id, now: true }).catch((error: unknown) => {
    if (!isConnectionClosed(error)) throw error;
  });
  await client.closed;
  await rm(bundle, { recursive: true, force: true });
  return { start: ended - began, first };
}

/** From starting the executable until it has printed the address and ended. */
export async function startTime(subject: Subject, bench: Bench): Promise<number> {
  return (await startAndAsk(subject, bench)).start;
}

/** From starting the executable until the shim has answered a call. */
export async function firstAnswer(subject: Subject, bench: Bench): Promise<number> {
  return (await startAndAsk(subject, bench)).first;
}

/** A `start` that starts no process – of a workload, here one whose pod is not there – less an empty program's time. */
export async function nodeOverhead(subject: Subject, { serial }: Bench): Promise<number> {
  const annotations = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-id": "nobody",
  };
  const bundle = await makeBundle(subject, `lost-${serial}`, { annotations });
  const empty = join(bundle, "empty.js");
  await writeFile(empty, "");
  const place = { cwd: bundle, env: environmentOf(subject) };
  const floor = await timeRun(process.execPath, [empty], place);
  const ours = await timeRun(subject.program, startArguments(subject, `lost-${serial}`), place);
  await rm(bundle, { recursive: true });
  return ours.ended - ours.began - (floor.ended - floor.began);
}
