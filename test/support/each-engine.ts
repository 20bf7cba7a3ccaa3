/** Makes one suite of tests per engine of the container library: the shim alone, and containerd. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { missingRequirements } from "../../scripts/setup/requirements.ts";
import { connectClient, type ConnectOptions } from "../../shim/client/connect.ts";
import type { ContainerClient } from "../../shim/client/client.ts";
import { shimBeside } from "../../shim/client/shim-program.ts";
import { eachContainerd } from "./each-containerd.ts";
import { writeImageArchive } from "./image.ts";
import { snapshot, type Snapshot } from "./leftovers.ts";
import { nodeFile, RUNHCS } from "./runtime.ts";
import { makeShortDirectory } from "./temp-directory.ts";

/** What the tests of one engine share. */
export interface EngineUnderTest {
  readonly client: ContainerClient;
  /** How other processes connect to the same: can be written as JSON. */
  readonly connect: ConnectOptions;
  /** For files of the tests. */
  readonly directory: string;
  /** Where the emulator of the shims keeps its systems. */
  readonly emulatorDirectory: string;
  /** The local image, packed. */
  readonly archive: string;
  /** Node file of the shims, and of `hcsctl`. */
  readonly nodeFile: string;
  /** What the library warned of, since the suite began. */
  readonly warnings: string[];
  /** Flags that have hcsctl use this engine. */
  readonly flags: readonly string[];
}

export interface EachEngineOptions {
  /** Release lines of containerd; the newest alone unless said otherwise. */
  readonly lines?: readonly string[];
  /** Options in the node file. */
  readonly nodeSettings?: Readonly<Record<string, unknown>>;
}

const TEST_TIMEOUT_MS = 60_000;
const NEWEST = "2.1";

/**
 * @param body gets a function that gives the engine, to be called inside tests and hooks only, and which one it is: `shim`, or the
 *   release line of containerd
 */
export function eachEngine(
  title: string,
  body: (engine: () => EngineUnderTest, kind: string) => void,
  options: EachEngineOptions = {},
): void {
  describe(`${title}, the shim alone`, function () {
    this.timeout(TEST_TIMEOUT_MS);
    let engine: EngineUnderTest | undefined;
    let before_: Snapshot;
    before(async function () {
      const reason = whyNot();
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`);
        this.skip();
      }
      const directory = await makeShortDirectory("rc");
      before_ = snapshot({ marks: [directory], directories: [join(directory, "e"), join(directory, "j")] });
      const path = join(directory, "runhcs.toml");
      const state = join(directory, "c");
      await writeFile(
        path,
        nodeFile(
          { emulator: join(directory, "e"), journals: join(directory, "j") },
          { client: { state_directory: state }, ...options.nodeSettings },
        ),
      );
      const connect: ConnectOptions = {
        engine: "shim",
        stateDirectory: state,
        namespace: "test",
        shim: shimBeside(RUNHCS.folder ?? ""),
        shimEnvironment: { RUNHCS_CONFIG: path, NODE_V8_COVERAGE: "", NODE_OPTIONS: "" },
      };
      const flags = ["--engine", "shim", "--namespace", "test"];
      const emulatorDirectory = join(directory, "e");
      engine = await prepared({ connect, directory, emulatorDirectory, nodeFile: path, flags });
    });
    body(() => given(engine), "shim");
    after(async () => {
      if (engine === undefined) return;
      await engine.client[Symbol.asyncDispose]();
      await before_.assertNothingNew();
      await rm(engine.directory, { recursive: true });
    });
  });

  eachContainerd(
    title,
    {
      lines: options.lines ?? [NEWEST],
      oursOnly: true,
      configure: () => ({ nodeSettings: options.nodeSettings ?? {} }),
    },
    (containerd, { line }) => {
      let engine: EngineUnderTest | undefined;
      before(async () => {
        const directory = join(containerd().directory, "client");
        await mkdir(directory);
        const { address, namespace, emulatorDirectory, nodeFile } = containerd();
        const connect: ConnectOptions = {
          engine: "containerd",
          address,
          namespace,
          stateDirectory: join(directory, "state"),
        };
        const flags = ["--address", address, "--namespace", namespace];
        engine = await prepared({ connect, directory, emulatorDirectory, nodeFile, flags });
      });
      body(() => given(engine), line);
      after(async () => {
        await engine?.client[Symbol.asyncDispose]();
      });
    },
  );
}

async function prepared(
  facts: Omit<EngineUnderTest, "archive" | "client" | "warnings">,
): Promise<EngineUnderTest> {
  const archive = join(facts.directory, "images.tar");
  await writeImageArchive(archive);
  const warnings: string[] = [];
  const client = await connectClient({
    ...facts.connect,
    onWarning: (warning) => void warnings.push(warning),
  });
  return { ...facts, archive, client, warnings };
}

function given(engine: EngineUnderTest | undefined): EngineUnderTest {
  if (engine === undefined) throw new Error("cannot use the engine: it has not been opened");
  return engine;
}

function whyNot(): string | undefined {
  if (process.platform !== "linux") return `the emulator runs on linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "it makes namespaces, mounts and cgroups, which needs root";
  const missing = missingRequirements().map(({ name }) => name);
  return missing.length > 0 ? `this machine lacks ${missing.join(", ")}` : undefined;
}
