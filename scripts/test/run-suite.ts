/** Runs one suite by mocha in a process of its own, and shows what happens while it happens. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { formatCount, formatDuration } from "../terminal/format.ts";
import { createLiveLine } from "../terminal/live-line.ts";
import { styleFor } from "../terminal/style.ts";
import { type Suite, filesOf } from "./suites.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
/** Where V8 leaves what it counted. Not c8's own place, which any other run of it empties. */
export const COVERAGE_DIRECTORY: string = join(REPOSITORY, ".cache/coverage");
/** How long mocha may take to end once its tests have: writing down what was covered takes a while. */
const END_TIMEOUT_MS = 20_000;
/** In place of the exit status of a mocha that had to be ended. */
const LATE = "late";

/** What {@link reporter.cjs} tells. */
type MochaEvent =
  | { readonly kind: "start"; readonly total: number }
  | { readonly kind: "suite" | "suite-end"; readonly title: string; readonly depth: number }
  | { readonly kind: "test" | "skip"; readonly title: string }
  | { readonly kind: "pass"; readonly title: string; readonly durationMs: number }
  | { readonly kind: "fail"; readonly title: string; readonly file: string; readonly text: string }
  | { readonly kind: "end" };

/** How a suite went. */
export interface SuiteResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
}

/** Runs the suite to its end. A mocha that dies or finds nothing to run counts as a failed test. */
export async function runSuite(suite: Suite, mochaArguments: readonly string[]): Promise<SuiteResult> {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...nodeOptions(),
      // Not mocha.js, which would start another Node for the options above and not hand the events' pipe on.
      join(REPOSITORY, suite.runner ?? "node_modules/mocha/bin/_mocha"),
      "--reporter",
      join(import.meta.dirname, "reporter.cjs"),
      filesOf(suite),
      ...mochaArguments,
    ],
    {
      cwd: REPOSITORY,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: {
        ...process.env,
        ...suite.environment,
        ...(suite.coverage ? { NODE_V8_COVERAGE: COVERAGE_DIRECTORY } : {}),
      },
    },
  );
  const view = new SuiteView(suite.name);
  let watchdog: NodeJS.Timeout | undefined;
  let isLate = false;
  const [, output, errors, events] = child.stdio;
  const reading = [
    eachLine(output as Readable, (line) => view.print(line)),
    eachLine(errors as Readable, (line) => view.print(line)),
    eachLine(events as Readable, (line) => {
      const event = JSON.parse(line) as MochaEvent;
      view.handle(event);
      if (event.kind !== "end") return;
      watchdog = setTimeout(() => {
        isLate = true;
        child.kill("SIGTERM");
        // Unless it cleans up.
        watchdog = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
      }, END_TIMEOUT_MS);
    }),
  ];
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(isLate ? LATE : (code ?? signal ?? "unknown")));
  });
  await Promise.all(reading);
  clearTimeout(watchdog);
  return view.finish(status, performance.now() - started);
}

/** The options of `.mocharc.json` that are Node's. */
function nodeOptions(): string[] {
  const settings = JSON.parse(readFileSync(join(REPOSITORY, ".mocharc.json"), "utf8")) as {
    "node-option": string[];
  };
  return settings["node-option"].map((option) => `--${option}`);
}

async function eachLine(stream: Readable, handle: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) handle(line);
}

/** Everything that is shown of one suite. */
class SuiteView {
  readonly #name: string;
  readonly #line = createLiveLine(process.stdout);
  readonly #style = styleFor(process.stdout);
  readonly #failures: Extract<MochaEvent, { kind: "fail" }>[] = [];
  readonly #skipped: string[] = [];
  #total = 0;
  #passed = 0;
  #current = "";
  #group: { title: string; started: number; passed: number; failed: number; skipped: number } | undefined;
  #ended = false;

  constructor(name: string) {
    this.#name = name;
  }

  print(text: string): void {
    this.#line.print(text);
  }

  handle(event: MochaEvent): void {
    switch (event.kind) {
      case "start":
        this.#total = event.total;
        break;
      case "suite":
        if (event.depth === 1) {
          this.#group = { title: event.title, started: performance.now(), passed: 0, failed: 0, skipped: 0 };
        }
        break;
      case "suite-end":
        if (event.depth === 1) this.#endGroup();
        break;
      case "test":
        this.#current = event.title;
        break;
      case "pass":
        this.#passed += 1;
        if (this.#group !== undefined) this.#group.passed += 1;
        break;
      case "skip":
        this.#skipped.push(event.title);
        if (this.#group !== undefined) this.#group.skipped += 1;
        break;
      case "fail":
        this.#failures.push(event);
        if (this.#group !== undefined) this.#group.failed += 1;
        this.#line.print(`  ${this.#style("red", "✘")} ${event.title}`);
        break;
      case "end":
        this.#ended = true;
        break;
    }
    this.#draw();
  }

  finish(status: number | string, durationMs: number): SuiteResult {
    this.#line.clear();
    const trouble = this.#trouble(status);
    for (const title of this.#skipped) this.#line.print(`  ${this.#style("yellow", "skipped")} ${title}`);
    for (const [index, { title, file, text }] of this.#failures.entries()) {
      this.#line.print("", `  ${index + 1}) ${this.#style("bold", title)}`);
      if (file !== "") this.#line.print(this.#style("dim", `     ${file.replace(`${REPOSITORY}/`, "")}`));
      this.#line.print(...text.split("\n").map((line) => `     ${line}`));
    }
    if (trouble !== undefined) this.#line.print("", `  ${this.#style("red", `✘ ${trouble}`)}`);
    return {
      name: this.#name,
      passed: this.#passed,
      failed: this.#failures.length + (trouble === undefined ? 0 : 1),
      skipped: this.#skipped.length,
      durationMs,
    };
  }

  /** What went wrong apart from tests. Mocha's exit status is the number of tests that failed, up to 255. */
  #trouble(status: number | string): string | undefined {
    if (!this.#ended) return `mocha ended (${status}) before all tests had run`;
    if (status === LATE) return "mocha did not end after its tests: something they made is still open";
    if (status !== Math.min(this.#failures.length, 255)) return `mocha ended with status ${status}`;
    if (this.#total === 0) return "there are no tests";
    return undefined;
  }

  #endGroup(): void {
    const group = this.#group;
    this.#group = undefined;
    if (group === undefined) return;
    const mark = group.failed > 0 ? this.#style("red", "✘") : this.#style("green", "✔");
    const counts = [
      formatCount(group.passed + group.failed, "test"),
      ...(group.failed > 0 ? [this.#style("red", `${group.failed} failed`)] : []),
      ...(group.skipped > 0 ? [this.#style("yellow", `${group.skipped} skipped`)] : []),
    ].join(", ");
    const time = formatDuration(performance.now() - group.started);
    this.#line.print(`  ${mark} ${group.title}  ${this.#style("dim", `${counts}, ${time}`)}`);
  }

  #draw(): void {
    const done = this.#passed + this.#failures.length + this.#skipped.length;
    const failed = this.#failures.length > 0 ? `, ${this.#failures.length} failed` : "";
    this.#line.show(`  ${this.#name} ${done}/${this.#total}${failed}  ${this.#current}`);
  }
}
