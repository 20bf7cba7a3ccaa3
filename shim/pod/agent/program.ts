/**
 * The agent's files, made ready for containers once for each version of them: a folder, or the image of a disk that holds
 * the folder.
 *
 * A Linux agent is a script and everything it takes to run it in an image that has nothing: this Node, its loader and
 * libraries, and the FFI package. They are linked where the file system allows it, so a folder costs no space.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { ShimError } from "../../errors.ts";
import { makeReadOnlyDisk } from "../disk-image.ts";

export interface AgentProgram {
  /** Folder of the host. */
  readonly directory: string;
  /** Command line, relative to the folder. */
  readonly command: readonly string[];
}

/** Where the script's package of native calls is, below a folder of modules. */
const NATIVE = ["koffi", `@koromix/koffi-${process.platform}-${process.arch}`];

const NATIVE_MODULE = "koffi.node";

/** @param program a script (`.cjs`), which needs Node, or an executable, which needs nothing @throws {ShimError} HOST_UNFIT */
export function prepareAgent(program: string, store: string): AgentProgram {
  if (!existsSync(program))
    throw new ShimError(
      "HOST_UNFIT",
      `cannot use agent "${program}": it does not exist; option agent.program names another`,
    );
  const isScript = extname(program) === ".cjs";
  const directory = join(store, keyOf(program, isScript));
  if (!existsSync(directory)) fill(directory, program, isScript);
  return { directory, command: isScript ? scriptCommand(directory) : [basename(program)] };
}

/** An executable has some 90 MB, too much to read for every container: it is another one when it was written anew. */
function keyOf(program: string, isScript: boolean): string {
  const hash = createHash("sha256");
  if (isScript) hash.update(readFileSync(program));
  const { size, mtimeMs } = statSync(isScript ? process.execPath : program);
  hash.update(`${isScript ? process.execPath : program} ${size} ${mtimeMs}`);
  return hash.digest("hex").slice(0, 16);
}

/** All or nothing: whoever finds the folder finds all of it. */
function fill(directory: string, program: string, isScript: boolean): void {
  const draft = `${directory}.${randomBytes(4).toString("hex")}`;
  mkdirSync(draft, { recursive: true, mode: 0o755 });
  try {
    place(program, join(draft, isScript ? "agent.cjs" : basename(program)));
    if (isScript) addRuntime(draft, program);
    else addNativeModule(draft, program);
    renameSync(draft, directory);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another shim was quicker.
    if (!existsSync(directory)) throw error;
  }
}

function addRuntime(draft: string, program: string): void {
  place(realpathSync(process.execPath), join(draft, "node"));
  mkdirSync(join(draft, "lib"));
  for (const library of ownLibraries()) {
    for (const name of namesOf(library)) place(library, join(draft, "lib", name));
  }
  const modules = modulesOf(realpathSync(program));
  for (const name of NATIVE)
    cpSync(join(modules, name), join(draft, "node_modules", name), {
      recursive: true,
      // Not its sources: the compiled module comes with the package of the platform.
      filter: (path) => !/\/(?:doc|vendor|lib)$/.test(path) && !/\.(?:c|cc|h|hh|inc|S|asm|md)$/.test(path),
    });
}

/** Single executables of ours load it from beside them; others have none. */
function addNativeModule(draft: string, program: string): void {
  const module = join(dirname(program), NATIVE_MODULE);
  if (existsSync(module)) place(module, join(draft, NATIVE_MODULE));
}

/** Programs ask for a library by a name that is a link beside the file, with fewer numbers in it. */
function namesOf(library: string): string[] {
  const [stem = ""] = basename(library).split(/[-.]/, 1);
  const directory = dirname(library);
  return readdirSync(directory).filter(
    (name) =>
      name.startsWith(stem) && name.includes(".so") && realpathSync(join(directory, name)) === library,
  );
}

/** As Node would find them from the script. */
function modulesOf(program: string): string {
  for (let directory = dirname(program); ; directory = dirname(directory)) {
    const modules = join(directory, "node_modules");
    if (existsSync(join(modules, "koffi"))) return modules;
    if (dirname(directory) === directory)
      throw new ShimError("HOST_UNFIT", `cannot use agent "${program}": package koffi is not beside it`);
  }
}

/** What the loader has loaded for this process, itself included. */
function ownLibraries(): string[] {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  const paths = lines.flatMap((line) => /\s(\/\S+\.so(?:\.\S+)?)$/.exec(line)?.[1] ?? []);
  return [...new Set(paths)].filter((path) => !path.includes("/node_modules/"));
}

function scriptCommand(directory: string): string[] {
  const loader = readdirSync(join(directory, "lib")).find((name) => /^ld-(?:linux|musl)/.test(name));
  const script = ["node", "agent.cjs"];
  return loader === undefined ? script : [`lib/${loader}`, "--library-path", "lib", ...script];
}

function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EXDEV" && code !== "EPERM" && code !== "EMLINK") throw error;
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}

/** The folder as the image of an ext4 disk beside it. @throws {ShimError} HOST_UNFIT without `mkfs.ext4` */
export async function agentDisk({ directory }: AgentProgram): Promise<string> {
  const image = `${directory}.ext4`;
  if (existsSync(image)) return image;
  const draft = `${image}.${randomBytes(4).toString("hex")}`;
  try {
    await makeReadOnlyDisk(directory, draft);
    renameSync(draft, image);
  } finally {
    rmSync(draft, { force: true });
  }
  return image;
}
