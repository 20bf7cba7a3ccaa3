/**
 * Measures our shim in each way of hosting beside containerd's own, on the same machine in the same run, taking turns.
 *
 *     npm run bench                     the table
 *     npm run bench -- --quick          fewer rounds: under three minutes
 *     npm run bench -- --json           for programs
 *     npm run bench -- --svg FILE       the ratios as a picture besides
 *     npm run bench -- ttrpc            measures whose name has this word
 *
 * docs/performance.md says what each row is and how far it can be trusted.
 */
import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { type Bar, drawChart, isMet } from "./bench/chart.ts";
import type { Measure } from "./bench/measure.ts";
import { MEASURES } from "./bench/measures.ts";
import { median, percentile } from "./bench/statistics.ts";
import { startSubjects, stopSubjects, type Subject, type SubjectName } from "./bench/subjects.ts";
import { type ContainerdInstallation, inspectInstallation } from "./containerd/releases.ts";
import { findProgram } from "./setup/programs.ts";
import { SetupError, requireRoot, setUpMachine } from "./setup/setup.ts";
import { formatTable } from "./terminal/format.ts";
import { type Reporter, createReporter } from "./terminal/reporter.ts";
import { buildExecutables } from "./test/preparation.ts";

const { values: flags, positionals: words } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    svg: { type: "string" },
  },
  allowPositionals: true,
});

type Ours = Exclude<SubjectName, "go">;

/** All values taken for one measure. */
interface Row {
  readonly measure: Measure;
  readonly values: ReadonlyMap<SubjectName, readonly number[]>;
}

/** One line of the result: a measure of one of our ways of hosting, and what was wanted of it. */
interface Verdict extends Bar {
  readonly row: Row;
  readonly subject: Ours;
  readonly ours: number;
  /** Of the Go shim; undefined where it has nothing to compare. */
  readonly theirs: number | undefined;
  readonly met: boolean;
}

async function run(
  reporter: Reporter,
  subjects: readonly Subject[],
  measures: readonly Measure[],
): Promise<Row[]> {
  const rows: Row[] = [];
  let serial = 0;
  for (const measure of measures) {
    const rounds = flags.quick ? measure.rounds.quick : measure.rounds.full;
    if (rounds === 0) continue;
    const taking = subjects.filter(({ name }) =>
      name === "go" ? measure.isAbsolute !== true : measure.bounds[name] !== undefined,
    );
    const values = new Map(taking.map(({ name }) => [name, [] as number[]] as const));
    await reporter.step(measure.name, async (update) => {
      // The first round warms caches up and does not count; where there is but one, it has to.
      for (let round = rounds === 1 ? 1 : 0; round <= rounds; round += 1) {
        update(`round ${round} of ${rounds}`);
        for (const subject of taking) {
          const value = await takeValue(measure, subject, (serial += 1));
          if (round > 0) values.get(subject.name)?.push(value);
        }
      }
    });
    rows.push({ measure, values });
  }
  return rows;
}

async function takeValue(measure: Measure, subject: Subject, serial: number): Promise<number> {
  try {
    return await measure.take(subject, { serial, quick: flags.quick });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot measure "${measure.name}" of ${subject.name}: ${text}`, { cause });
  }
}

function verdicts(rows: readonly Row[]): Verdict[] {
  return rows.flatMap((row) => {
    const { measure, values } = row;
    const { better } = measure;
    return (Object.entries(measure.bounds) as [Ours, number][]).map(([subject, bound]) => {
      const ours = median(values.get(subject) ?? []);
      const theirs = measure.isAbsolute === true ? undefined : median(values.get("go") ?? []);
      const ratio = theirs === undefined ? ours : ours / theirs;
      const label = `${measure.name} (${subject})`;
      return {
        row,
        subject,
        ours,
        theirs,
        ratio,
        bound,
        better,
        label,
        met: isMet({ ratio, bound, better }),
      };
    });
  });
}

function printTable(reporter: Reporter, results: readonly Verdict[]): void {
  const header = ["", "hosting", "unit", "Go shim", "ours", "worst tenth", "ratio", "wanted", ""];
  const lines = results.map(({ row: { measure, values }, subject, ours, theirs, ratio, bound, met }) => {
    const tail = percentile(values.get(subject) ?? [], measure.better === "lower" ? 0.9 : 0.1);
    const sign = measure.better === "lower" ? "≤" : "≥";
    return [
      measure.name,
      subject,
      measure.unit,
      theirs === undefined ? "" : show(theirs),
      show(ours),
      show(tail),
      theirs === undefined ? "" : ratio.toFixed(2),
      `${sign} ${bound}`,
      met ? "" : "missed",
    ];
  });
  reporter.heading("Results (medians; ratio = ours / Go shim)");
  reporter.note(...formatTable([header, ...lines], [3, 4, 5, 6, 7]));
  const missed = results.filter(({ met }) => !met).length;
  reporter.note(`${results.length - missed} of ${results.length} as wanted`);
}

function show(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function printJson(installation: ContainerdInstallation, results: readonly Verdict[]): void {
  const measures = results.map(({ row: { measure, values }, subject, ours, theirs, ratio, bound, met }) => ({
    ...{ name: measure.name, hosting: subject, unit: measure.unit, better: measure.better },
    ...{ ours, theirs, ratio: theirs === undefined ? undefined : ratio, bound, met },
    values: { ours: values.get(subject), theirs: values.get("go") },
  }));
  console.log(JSON.stringify({ containerd: installation.version, node: process.version, measures }, null, 2));
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
  // What else runs on the machine takes its time from neither side; containerd, shims and containers inherit this.
  setPriority(constants.priority.PRIORITY_HIGHEST);
  const subjects = await startSubjects(installation);
  const title = `containerd ${installation.version}, Node ${process.version}`;
  reporter.heading(`Measure on ${title}`);
  let results: Verdict[];
  try {
    results = verdicts(await run(reporter, subjects, measures));
  } finally {
    await stopSubjects(subjects);
  }
  if (flags.json) printJson(installation, results);
  else printTable(reporter, results);
  if (flags.svg !== undefined) {
    const compared = results.filter(({ theirs }) => theirs !== undefined);
    writeFileSync(flags.svg, drawChart(`Our shim beside containerd-shim-runc-v2 (${title})`, compared));
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
