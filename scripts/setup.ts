/**
 * Installs what this machine lacks to run pods on the emulator: containerd, runc, a static busybox, the CNI plugins.
 * `--containerd` also fetches the other containerd versions that the integration tests use, into the cache.
 */
import { parseArgs } from "node:util";
import { fetchAll } from "./containerd/fetch.ts";
import { REQUIREMENTS } from "./setup/requirements.ts";
import { setUpMachine } from "./setup/setup.ts";
import { formatTable } from "./terminal/format.ts";
import { createReporter } from "./terminal/reporter.ts";

const { values } = parseArgs({ options: { containerd: { type: "boolean", default: false } } });
const reporter = createReporter();

try {
  reporter.heading("Set up this machine");
  await setUpMachine(reporter);
  reporter.note(...formatTable(REQUIREMENTS.map(({ name, find }) => [name, find() ?? "missing"])));
  if (values.containerd) await fetchAll(reporter);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
