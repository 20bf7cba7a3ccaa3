/** Entry of `hcsctl`: the tool for people. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { messageOf } from "../errors.ts";
import { UsageError } from "../flags.ts";
import { readNodeFile } from "../options/node-file.ts";
import { Options } from "../options/own.ts";
import { VERSION } from "../version.ts";
import { EXIT, type Command, type Flag } from "./command.ts";
import { CONTAINER_COMMANDS } from "./containers/commands.ts";

/** A verb, and where it is: most of them need much code that the others do not. */
interface Entry {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly Entry[] = [
  { name: "plan", load: async () => (await import("./plan.ts")).plan },
  { name: "validate", load: async () => (await import("./validate.ts")).validate },
  // Their table is light, and loads what one does by itself.
  ...CONTAINER_COMMANDS.map((command) => ({ name: command.name, load: () => Promise.resolve(command) })),
  { name: "diag", load: async () => (await import("./diagnostics.ts")).diag },
  { name: "diag exec", load: async () => (await import("./diag-exec.ts")).diagExec },
  { name: "diag stacks", load: async () => (await import("./diagnostics.ts")).diagStacks },
  { name: "timeline", load: async () => (await import("./diagnostics.ts")).timeline },
  { name: "trace", load: async () => (await import("./trace.ts")).trace },
  { name: "boundary", load: async () => (await import("./boundary.ts")).boundary },
  { name: "doctor", load: async () => (await import("./doctor.ts")).doctor },
  { name: "emulator ps", load: async () => (await import("./systems.ts")).emulatorPs },
  { name: "emulator inspect", load: async () => (await import("./systems.ts")).emulatorInspect },
  { name: "emulator base", load: async () => (await import("./emulator-base.ts")).emulatorBase },
  { name: "emulator gc", load: async () => (await import("./systems.ts")).emulatorGc },
  { name: "completion", load: async () => (await import("./completion.ts")).completion(allCommands) },
];

function allCommands(): Promise<Command[]> {
  return Promise.all(COMMANDS.map(({ load }) => load()));
}

async function help(): Promise<string> {
  const commands = await allCommands();
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `hcsctl ${VERSION}: runs containers, and looks into compute systems and the shims that own them

usage: hcsctl COMMAND [ARGUMENTS] [FLAGS]
       hcsctl COMMAND --help

commands:
${lines.join("\n")}

exit codes: ${EXIT.ok} done, ${EXIT.failed} failed, ${EXIT.usage} the command line cannot be understood
`;
}

function commandHelp({ usage, summary, help: more, flags }: Command): string {
  const left = flags.map(
    ({ name, short, value }) =>
      `  ${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
  );
  const width = Math.max(0, ...left.map((text) => text.length));
  const lines = flags.map(({ description, default: fallback }, index) => {
    const suffix = fallback === undefined ? "" : ` (default ${fallback})`;
    return `${(left[index] ?? "").padEnd(width)}  ${description}${suffix}`;
  });
  return `usage: ${usage}\n\n${summary}\n${more === undefined ? "" : `\n${more}\n`}${lines.length === 0 ? "" : `\nflags:\n${lines.join("\n")}\n`}`;
}

/** The command with the longest name that the words begin with. */
async function choose(words: readonly string[]): Promise<Command> {
  const candidates = COMMANDS.filter(({ name }) => name === words.slice(0, name.split(" ").length).join(" "));
  const [chosen] = candidates.sort((a, b) => b.name.length - a.name.length);
  if (chosen === undefined) throw new UsageError(`unknown command "${words[0] ?? ""}": see hcsctl --help`);
  return chosen.load();
}

type FlagConfig = NonNullable<ParseArgsConfig["options"]>;

function optionsOf(flags: readonly Flag[]): FlagConfig {
  const own = flags.map(({ name, type, short, multiple, default: fallback }) => [
    name,
    {
      type,
      ...(short === undefined ? {} : { short }),
      ...(multiple === undefined ? {} : { multiple }),
      ...(fallback === undefined ? {} : { default: fallback }),
    },
  ]);
  const taken = flags.some(({ short }) => short === "h");
  return Object.fromEntries([
    ...own,
    ["help", { type: "boolean", ...(taken ? {} : { short: "h" }) }],
  ]) as FlagConfig;
}

async function run(args: readonly string[]): Promise<void> {
  const print = (text: string): void => void process.stdout.write(text);
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h" || first === "help")
    return print(await help());
  if (first === "--version" || first === "-v") return print(`hcsctl ${VERSION}\n`);
  const command = await choose(args);
  const rest = args.slice(command.name.split(" ").length);
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...rest], options: optionsOf(command.flags), allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${messageOf(error)}\nusage: ${command.usage}`);
  }
  if (parsed.values["help"] === true) return print(commandHelp(command));
  const [fewest, most] = command.arity;
  const count = parsed.positionals.length;
  if (count < fewest || count > most)
    throw new UsageError(`wrong number of arguments (found ${count})\nusage: ${command.usage}`);
  await command.run({
    flags: parsed.values as Readonly<Record<string, string | boolean | undefined>>,
    lists: parsed.values as Readonly<Record<string, readonly string[] | undefined>>,
    arguments: parsed.positionals,
    options: new Options(await readNodeFile()),
    print,
    fail: () => void (process.exitCode = EXIT.failed),
    exit: (code) => void (process.exitCode = code),
  });
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`hcsctl: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
});
