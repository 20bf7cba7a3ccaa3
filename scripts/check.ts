/**
 * Everything about the sources that needs no running: format, lint, types, import directions, generated files, unused
 * exports, documents. One line for each; the output of what failed.
 */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

const CHECKS: readonly Check[] = [
  // An installed tree hides what a fresh clone would not find.
  { name: "lockfile names every package", command: ["npm", "ci", "--dry-run"] },
  { name: "generated protobuf code is up to date", command: ["tsx", "scripts/protos.ts", "--check"] },
  { name: "types", command: ["tsc", "-p", "tsconfig.json"] },
  { name: "lint", command: ["eslint", "."] },
  {
    name: "import directions",
    command: ["depcruise", "-c", ".dependency-cruiser.cjs", "protos", "hcs", "oci", "shim"],
  },
  { name: "unused files, exports and dependencies", command: ["knip"] },
  { name: "generated documents are up to date", command: ["tsx", "scripts/docs.ts", "--check"] },
  { name: "format", command: ["prettier", "--check", "--log-level", "warn", "."] },
];

let failed = 0;
for (const { name, command } of CHECKS) {
  const started = performance.now();
  const [program = "", ...args] = command[0] === "npm" ? command : ["npx", "--no-install", ...command];
  const run = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const ok = run.status === 0;
  console.log(`${ok ? "ok  " : "FAIL"}  ${name} (${seconds} s)`);
  if (ok) continue;
  failed++;
  console.log(`${run.stdout}${run.stderr}`.replaceAll(/^npm warn .*\n/gm, "").trimEnd());
}
console.log(failed === 0 ? "all checks passed" : `${failed} of ${CHECKS.length} checks failed`);
process.exit(failed === 0 ? 0 : 1);
