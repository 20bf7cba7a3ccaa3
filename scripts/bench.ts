/**
 * Measures our shim beside containerd's own, on the same containerd in the same run, taking turns.
 *
 *     npm run bench                  the table
 *     npm run bench -- --quick       fewer rounds
 *     npm run bench -- --json        for programs
 *     npm run bench -- ttrpc         measures whose name has this word
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Containerd } from "../test/support/containerd.ts";
import { RUNHCS } from "../test/support/runtime.ts";
import { MEASURES, type Measure } from "./bench/measures.ts";
import { median, percentile } from "./bench/statistics.ts";
import { OURS, type Subject, THEIRS } from "./bench/subjects.ts";
import { inspectInstallation } from "./containerd/releases.ts";
import { findProgram } from "./setup/programs.ts";
import { SetupError, requireRoot, setUpMachine } from "./setup/setup.ts";
import { formatTable } from "./terminal/format.ts";
import { type Reporter, createReporter } from "./terminal/reporter.ts";
import { buildExecutables } from "./test/preparation.ts";

const { values: flags, positionals: words } = parseArgs({
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
  allowPositionals: true,
});

/** All values taken for one measure. */
interface Row {
  readonly measure: Measure;
  readonly values: ReadonlyMap<Subject, number[]>;
}

const SUBJECTS = [THEIRS, OURS] as const;

async function run(reporter: Reporter, containerd: Containerd, measures: readonly Measure[]): Promise<Row[]> {
  const idle = new Map(SUBJECTS.map((subject) => [subject, `idle-${subject.name}`] as const));
  for (const [subject, id] of idle) {
    await containerd.ctr().runDetached(id, { args: ["sleep", "100000"], runtime: subject.runtime.type });
  }
  const rows: Row[] = [];
  let serial = 0;
  for (const measure of measures) {
    const values = new Map(SUBJECTS.map((subject) => [subject, [] as number[]] as const));
    await reporter.step(measure.name, async (update) => {
      const rounds = flags.quick ? measure.rounds.quick : measure.rounds.full;
      // The first round warms caches up and does not count.
      for (let round = 0; round <= rounds; round += 1) {
        update(`round ${round} of ${rounds}`);
        for (const subject of SUBJECTS) {
          const bench = {
            containerd,
            idleTask: idle.get(subject) ?? "",
            serial: (serial += 1),
            quick: flags.quick,
          };
          const value = await measure.take(bench, subject);
          if (round > 0) values.get(subject)?.push(value);
        }
      }
    });
    rows.push({ measure, values });
  }
  for (const id of idle.values()) await containerd.ctr().remove(id);
  return rows;
}

function printTable(reporter: Reporter, rows: readonly Row[]): void {
  const header = ["", "unit", `${THEIRS.name} median`, `${OURS.name} median`, "p90", "ratio", ""];
  const lines = rows.map(({ measure, values }) => {
    const [theirs, ours] = SUBJECTS.map((subject) => values.get(subject) ?? []);
    const ratio = median(ours ?? []) / median(theirs ?? []);
    const tail = percentile(ours ?? [], measure.better === "lower" ? 0.9 : 0.1);
    const verdict = ratio > 1 === (measure.better === "higher") ? "better" : "";
    return [
      measure.name,
      measure.unit,
      show(median(theirs ?? [])),
      show(median(ours ?? [])),
      show(tail),
      ratio.toFixed(2),
      verdict,
    ];
  });
  reporter.heading("Results (ratio = ours / theirs)");
  reporter.note(...formatTable([header, ...lines], [2, 3, 4, 5]));
}

function show(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function printJson(containerd: Containerd, rows: readonly Row[]): void {
  const measures = rows.map(({ measure: { name, unit, better }, values }) => {
    const subjects = [...values].map(
      ([subject, taken]) => [subject.name, { median: median(taken), values: taken }] as const,
    );
    const ratio = median(values.get(OURS) ?? []) / median(values.get(THEIRS) ?? []);
    return { name, unit, better, ratio, ...Object.fromEntries(subjects) };
  });
  console.log(
    JSON.stringify({ containerd: containerd.installation.version, node: process.version, measures }, null, 2),
  );
}

async function main(): Promise<void> {
  // With --json standard output is for the program that reads it.
  const reporter = createReporter(flags.json ? process.stderr : process.stdout);
  const measures = MEASURES.filter(({ name }) => words.every((word) => name.includes(word)));
  if (measures.length === 0)
    throw new SetupError(`cannot measure "${words.join(" ")}": no measure is called so`);
  reporter.heading("Prepare");
  requireRoot("the benchmarks");
  await setUpMachine(reporter);
  await reporter.step("build the shim", () => buildExecutables());
  const installation = await inspectInstallation("installed", dirname(findProgram("containerd") ?? ""));
  if (installation === undefined)
    throw new SetupError("cannot use the installed containerd: its programs do not run");
  await using containerd = await Containerd.start({ installation, runtime: RUNHCS, logLevel: "info" });
  reporter.heading(`Measure on containerd ${installation.version}, Node ${process.version}`);
  let rows: Row[];
  try {
    rows = await run(reporter, containerd, measures);
  } catch (error) {
    await containerd.removeAll();
    throw error;
  }
  if (flags.json) printJson(containerd, rows);
  else printTable(reporter, rows);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
