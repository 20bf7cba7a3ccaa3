#!/usr/bin/env node
// Runs `scripts/<name>.ts`, installing the npm packages first when they are missing or not those of the lockfile.
// Plain JavaScript: it must work on a fresh clone, before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name, ...args] = process.argv.slice(2);
const script = join(root, "scripts", `${name}.ts`);
if (name === undefined || !existsSync(script)) {
  console.error(`cannot run script "${name}": ${script} does not exist`);
  process.exit(2);
}

// What was installed last is known by the lockfile it was installed from; times mislead in linked and copied trees.
const lock = readFileSync(join(root, "package-lock.json"), "utf8");
const stamp = join(root, "node_modules", ".installed-lock.json");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  console.error("installing npm packages (npm ci) …");
  const install = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (install.status !== 0) process.exit(install.status ?? 1);
  writeFileSync(stamp, lock);
}

// Ctrl-C goes to the script as well, which may have to clean up: wait for its end instead of dying first.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);
const run = spawnSync(process.execPath, ["--import", "tsx", script, ...args], {
  cwd: root,
  stdio: "inherit",
});
if (run.signal !== null) process.kill(process.pid, run.signal);
process.exit(run.status ?? 1);
