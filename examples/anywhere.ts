/**
 * One program for every kind of container. Whether it is a Linux container, one in a utility VM, or a Windows container stands
 * in its options, which are read from a file: `{ "client": options of connectClient, "container": options of create }`.
 *
 *     npx tsx examples/anywhere.ts linux.json
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connectClient, type ConnectOptions, type ContainerOptions } from "containerd-shim-runhcs/client";

interface Options {
  readonly client: ConnectOptions;
  readonly container: ContainerOptions;
}

/** The programs that an image has are all that guests differ in. */
const PROGRAMS = {
  linux: { stay: ["sleep", "1000"], shell: ["sh", "-c"], file: "/file", say: 'echo "hello $WHO"; exit 42' },
  windows: {
    stay: ["ping", "-t", "127.0.0.1"],
    shell: ["cmd", "/c"],
    file: "C:\\file",
    say: "echo hello %WHO%& exit 42",
  },
} as const;

async function main(optionsFile: string): Promise<void> {
  const options = JSON.parse(await readFile(optionsFile, "utf8")) as Options;
  const programs = PROGRAMS[options.container.os ?? "linux"];
  await using client = await connectClient({
    ...options.client,
    onWarning: (warning) => process.emitWarning(warning),
  });
  await using container = await client.create({ ...options.container, args: programs.stay });

  const started = await container.start({ output: "ignore" });
  const program = await container.spawn({
    args: [...programs.shell, programs.say],
    env: { WHO: "world" },
  });
  const said = program.stdout === undefined ? "" : await text(program.stdout);
  const { exitCode } = await program.wait();

  const info = await container.info();
  const report = {
    os: info.os,
    status: info.status,
    said: said.trim(),
    exitCode,
    file: await thereAndBack(container, programs.file),
    isListed: (await client.list()).some(({ id }) => id === container.id),
    hasProcesses: (await container.processes()).length > 0,
    isMeasured: ((await container.usage())?.memoryPeakBytes ?? 0n) > 0n,
  };
  await container.kill("SIGKILL");
  const { exitCode: killed } = await started.wait();
  process.stdout.write(`${JSON.stringify({ ...report, killed })}\n`);
}

type Container = Awaited<ReturnType<Awaited<ReturnType<typeof connectClient>>["create"]>>;

/** Copies a file into the container and out of it again. @returns what came back */
async function thereAndBack(container: Container, containerPath: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "anywhere-"));
  try {
    const [hostPath, back] = [join(directory, "there"), join(directory, "back")];
    await writeFile(hostPath, "there and back");
    const copied = [
      ...(await container.upload([{ hostPath, containerPath }])),
      ...(await container.download([{ hostPath: back, containerPath }])),
    ];
    for (const { error } of copied) if (error !== undefined) throw error;
    return await readFile(back, "utf8");
  } finally {
    await rm(directory, { recursive: true });
  }
}

await main(process.argv[2] ?? "");
