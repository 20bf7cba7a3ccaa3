/**
 * A Windows machine for the packed executables: a Wine prefix with the stand-in DLLs, a machine behind them, and the relay that
 * carries named pipes. containerd's part is played by the test.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import { prepareWine } from "../../../scripts/wine/prepare.ts";
import { createReporter } from "../../../scripts/terminal/reporter.ts";
import { mustRun } from "../../support/command.ts";
import { listProcesses, readEnvironment } from "../../support/proc.ts";
import { copyWineMachine, wineEnvironment, winePath, type WineMachine } from "../../support/wine.ts";
import { RigHost } from "../../wine/host/rig-host.ts";
import { RelayHost } from "./relay-host.ts";

/** What the executables are run from. */
export const PACKAGE: string = join(import.meta.dirname, "../../../dist/win32-x64");

/** Longer than any command should take on a machine that is busy. */
const COMMAND_MS = 60_000;

/** How a command of an executable ended. */
export interface VerbResult {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface VerbOptions {
  /** As Windows has it; the root of drive C unless said otherwise. */
  readonly cwd?: string;
  readonly stdin?: Uint8Array;
  /** Folder of the executables, on this machine; {@link PACKAGE} unless given. */
  readonly installation?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class WindowsMachine implements AsyncDisposable {
  readonly host: RigHost;
  readonly relay: RelayHost;
  readonly #wine: WineMachine;
  readonly #folder: string;
  #commands = 0;

  private constructor(host: RigHost, relay: RelayHost, wine: WineMachine, folder: string) {
    this.host = host;
    this.relay = relay;
    this.#wine = wine;
    this.#folder = folder;
  }

  /** @param backend answers what the executables ask of the Host Compute Service */
  static async boot(backend: HcsBackend): Promise<WindowsMachine> {
    const tools = await prepareWine(createReporter(process.stderr));
    const folder = mkdtempSync(join(tmpdir(), "runhcs-windows-"));
    const wine = await copyWineMachine(tools.prefix, tools.standIns);
    const host = await RigHost.listen(backend);
    const relay = await RelayHost.start(wine.prefix, join(tools.node, "bin/node.exe"), folder);
    return new WindowsMachine(host, relay, wine, folder);
  }

  /** Where a path of drive C is on this machine. */
  locate(path: string): string {
    return join(this.#wine.prefix, "drive_c", ...path.replace(/^C:\\/i, "").split("\\"));
  }

  write(path: string, content: string | Uint8Array): void {
    const target = this.locate(path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }

  makeDirectory(path: string): void {
    mkdirSync(this.locate(path), { recursive: true });
  }

  read(path: string): string | undefined {
    const target = this.locate(path);
    return existsSync(target) ? readFileSync(target, "utf8") : undefined;
  }

  /** Names of the files of a directory. */
  list(path: string): string[] {
    return readdirSync(this.locate(path)).sort();
  }

  /** Kills programs of this machine by a word of their command line. @returns how many */
  killPrograms(word: string): number {
    const found = listProcesses().filter(
      ({ pid, arguments: words }) =>
        words.includes(word) && readEnvironment(pid).includes(`WINEPREFIX=${this.#wine.prefix}`),
    );
    for (const { pid } of found) process.kill(pid, "SIGKILL");
    return found.length;
  }

  /** Runs a command of one of the packed executables to its end. */
  async run(program: string, args: readonly string[], options: VerbOptions = {}): Promise<VerbResult> {
    const files = join(this.#folder, `command-${++this.#commands}`);
    mkdirSync(files);
    const [stdout, stderr] = ["out", "err"].map((name) => join(files, name)) as [string, string];
    // Files: Node for Windows cannot write to a pipe under Wine.
    const stdio = [
      await pipeWith(join(files, "in"), options.stdin ?? new Uint8Array(0)),
      openSync(stdout, "w"),
      openSync(stderr, "w"),
    ];
    const child = spawn(
      "wine",
      [winePath(join(options.installation ?? PACKAGE, `${program}.exe`)), ...args],
      {
        cwd: this.locate(options.cwd ?? "C:\\"),
        env: {
          ...process.env,
          ...wineEnvironment(this.#wine.prefix),
          ...this.host.environment,
          ...options.env,
        },
        stdio,
        timeout: COMMAND_MS,
        killSignal: "SIGKILL",
      },
    );
    for (const descriptor of stdio) closeSync(descriptor);
    const [exitCode] = (await once(child, "exit")) as [number | null];
    return { exitCode, stdout: readFileSync(stdout), stderr: withoutWine(readFileSync(stderr, "utf8")) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay.close();
    await this.host.close();
    await this.#wine[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What a pipe takes before anybody reads it (pipe(7)). */
const PIPE_BYTES = 65_536;

/**
 * The reading end of a pipe that holds `content` and has no writer any more: what containerd gives as standard input. Not one of
 * Node's, which are sockets, nor a file: Node for Windows takes neither for its input under Wine.
 */
async function pipeWith(path: string, content: Uint8Array): Promise<number> {
  if (content.length > PIPE_BYTES)
    throw new Error(`cannot give a command ${content.length} bytes of input: a pipe takes ${PIPE_BYTES}`);
  await mustRun("mkfifo", [path]);
  // Both ways, so that neither this nor the opening that follows waits for the other end.
  const writer = openSync(path, "r+");
  try {
    writeSync(writer, content);
    return openSync(path, "r");
  } finally {
    closeSync(writer);
  }
}

/** What Debian's launcher of Wine says about a 32-bit Wine, which is not wanted. */
function withoutWine(text: string): string {
  return text.replace(/^it looks like wine32 is missing[\s\S]*?apt-get install wine32:i386"?\n?/m, "");
}
