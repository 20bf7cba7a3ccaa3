/**
 * Finds or fetches the containerd releases of the integration tests and prints where they are.
 *
 *     node scripts/run.mjs containerd [1.6] [1.7] [2.1]
 */
import { fetchAll } from "./containerd/fetch.ts";
import { RELEASES } from "./containerd/releases.ts";
import { formatTable } from "./terminal/format.ts";
import { createReporter } from "./terminal/reporter.ts";

const lines = process.argv.slice(2);
const unknown = lines.find((line) => !RELEASES.some((release) => release.line === line));
const reporter = createReporter(process.stderr);

if (unknown !== undefined) {
  console.error(
    `cannot fetch containerd ${unknown}: known are ${RELEASES.map((release) => release.line).join(", ")}`,
  );
  process.exitCode = 2;
} else {
  try {
    const wanted = RELEASES.filter((release) => lines.length === 0 || lines.includes(release.line));
    const found = await fetchAll(reporter, wanted);
    console.log(
      formatTable(found.map(({ line, version, directory }) => [line, version, directory])).join("\n"),
    );
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
