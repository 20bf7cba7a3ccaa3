/**
 * The template: what stands for the Windows that containers share. A Wine prefix that is made once for each version of
 * Wine (some ten seconds, 700 MB) and lies below the layers of every container from then on, and an empty disk that
 * every scratch disk is a copy of.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { OWN_PROGRAMS, type Wine } from "./wine.ts";

/** Where templates are kept on a node that configures nothing. */
export const DEFAULT_WINDOWS_DIRECTORY = "/var/lib/runhcs/windows";

export interface Template {
  readonly directory: string;
  /** A Wine prefix; its `drive_c` is the drive. Never written to once it is there. */
  readonly prefix: string;
  /** An empty file system, sparse. */
  readonly blankDisk: string;
}

/** Bumped when templates are made differently: those that are there are not used any more. */
const FORMAT = 2;

/** Bytes a container can write, as on Windows. */
const SCRATCH_BYTES = 20 * 1024 ** 3;

/** Accounts that every Windows image has, with their profiles. */
export const ACCOUNTS: readonly string[] = ["ContainerAdministrator", "ContainerUser"];

/** Devices that containers have none of; without them a container starts sooner. */
const NO_SERVICES = ["winebus", "winehid", "wineusb", "Spooler", "StiSvc", "wuauserv", "BITS", "FontCache"];

export function templateOf(directory: string): Template {
  return {
    directory,
    prefix: join(directory, "prefix"),
    blankDisk: join(directory, "blank.img"),
  };
}

/** Where the template for this Wine is, whether it has been made or not. */
export function templateDirectory(windowsDirectory: string, wine: Wine): string {
  return join(windowsDirectory, `${wine.version.replaceAll(/[^\w.-]+/g, "_")}-${FORMAT}`);
}

/**
 * The template for this Wine, made if it is not there. Whoever is first to have one ready puts it in place; it is
 * complete from its first moment.
 */
export async function ensureTemplate(
  windowsDirectory: string,
  wine: Wine,
  signal?: AbortSignal,
): Promise<Template> {
  const directory = templateDirectory(windowsDirectory, wine);
  if (existsSync(directory)) return templateOf(directory);
  mkdirSync(windowsDirectory, { recursive: true, mode: 0o755 });
  const fresh = mkdtempSync(join(windowsDirectory, ".new-"));
  try {
    await makePrefix(join(fresh, "prefix"), wine, signal);
    await makeBlankDisk(join(fresh, "blank.img"), signal);
    try {
      renameSync(fresh, directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST" && code !== "ENOTEMPTY") throw error;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return templateOf(directory);
}

async function makePrefix(prefix: string, wine: Wine, signal: AbortSignal | undefined): Promise<void> {
  const [administrator = ""] = ACCOUNTS;
  const environment = {
    PATH: "/usr/bin:/bin",
    // Folders of the profile become links to those of the home directory, where it has such.
    HOME: prefix,
    XDG_CACHE_HOME: join(prefix, "..", "cache"),
    USER: administrator,
    LOGNAME: administrator,
    LANG: "C.UTF-8",
    WINEPREFIX: prefix,
    WINESERVER: wine.server,
    WINEDEBUG: "-all",
    // Neither is installed; without this Wine asks for them in a window.
    WINEDLLOVERRIDES: "mscoree,mshtml=",
  };
  mkdirSync(prefix, { mode: 0o755 });
  await run(wine.loader, ["wineboot", "--init"], environment, signal);
  await run(wine.loader, ["winecfg", "/v", "win10"], environment, signal);
  await run(wine.server, ["-w"], environment, signal);
  rmSync(join(prefix, "..", "cache"), { recursive: true, force: true });
  for (const name of OWN_PROGRAMS) {
    // What is bound there needs a file to hide.
    const path = join(prefix, "drive_c", "windows", "system32", name);
    if (!existsSync(path)) writeFileSync(path, "");
  }
  const users = join(prefix, "drive_c", "users");
  for (const account of ACCOUNTS.slice(1)) {
    cpSync(join(users, administrator), join(users, account), { recursive: true, verbatimSymlinks: true });
  }
  appendFileSync(join(prefix, "user.reg"), userRegistry());
  appendFileSync(join(prefix, "system.reg"), machineRegistry());
  // Drives and ports of the machine it was made on. The container has C: alone.
  const devices = join(prefix, "dosdevices");
  for (const name of readdirSync(devices)) if (name !== "c:") unlinkSync(join(devices, name));
}

/** What would open windows, or look for what is not installed. */
function userRegistry(): string {
  const overrides = ["mscoree", "mshtml", "winemenubuilder.exe"].map((name) => `"${name}"=""\n`).join("");
  // Wine would run its own programs whatever lies under their names.
  const own = OWN_PROGRAMS.map((name) => `"${name}"="native"\n`).join("");
  return `\n[Software\\\\Wine\\\\DllOverrides]\n${overrides}${own}`;
}

function machineRegistry(): string {
  const DISABLED = "dword:00000004";
  return NO_SERVICES.map(
    (name) => `\n[System\\\\CurrentControlSet\\\\Services\\\\${name}]\n"Start"=${DISABLED}\n`,
  ).join("");
}

async function makeBlankDisk(path: string, signal: AbortSignal | undefined): Promise<void> {
  closeSync(openSync(path, "wx", 0o600));
  truncateSync(path, SCRATCH_BYTES);
  const options = "lazy_itable_init=1,lazy_journal_init=1,nodiscard";
  // Few inodes and a small journal: every scratch disk is a copy of what is written here.
  await run(
    "mkfs.ext4",
    ["-q", "-F", "-m0", "-i", "262144", "-J", "size=4", "-E", options, path],
    {
      PATH: "/usr/sbin:/sbin:/usr/bin:/bin",
    },
    signal,
  );
}

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env,
      cwd: "/",
      // Services that Wine starts keep what it was started with: no pipe of ours, which would not end.
      stdio: "ignore",
      ...(signal === undefined ? {} : { signal }),
    });
    child.once("error", (cause) => reject(new Error(`cannot run ${program}`, { cause })));
    child.once("exit", (code, killed) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.join(" ")} ended with ${code ?? killed ?? "unknown"}`));
    });
  });
}
