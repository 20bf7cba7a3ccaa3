/**
 * The directories of one exec: `<root>/src/<id>` for its input, `<root>/out/<id>` for its output. They exist as long as
 * the exec does; nothing else in the container is made, changed or removed on behalf of the other side.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { isAbsolute, join, sep } from "node:path";
import { AgentError } from "../protocol/errors.ts";

export interface StagingPaths {
  readonly source: string;
  readonly output: string;
}

export class Staging {
  readonly #root: string;
  readonly #live = new Set<string>();

  /** What an agent before this one has left is removed. */
  constructor(root: string) {
    this.#root = root;
    for (const part of ["src", "out"]) {
      const directory = join(root, part);
      mkdirSync(directory, { recursive: true, mode: 0o755 });
      for (const name of readdirSync(directory)) remove(join(directory, name));
    }
  }

  get count(): number {
    return this.#live.size;
  }

  /** @throws {AgentError} where an exec of this id is running */
  open(execId: string): StagingPaths & Disposable {
    if (this.#live.has(execId))
      throw new AgentError("already exists", `exec id "${execId}" is that of an exec that has not ended`);
    const paths = { source: join(this.#root, "src", execId), output: join(this.#root, "out", execId) };
    mkdirSync(paths.source, { mode: 0o755 });
    mkdirSync(paths.output, { mode: 0o755 });
    this.#live.add(execId);
    return {
      ...paths,
      [Symbol.dispose]: () => {
        // Links are removed, not followed.
        remove(paths.source);
        remove(paths.output);
        this.#live.delete(execId);
      },
    };
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}

/** Options of compilers that name a directory, the longest first. */
const SEARCH_OPTIONS = ["-idirafter", "-isystem", "-iquote", "-I", "-L"];

/**
 * Makes the directories that a command line expects: those of output files, and search directories that nothing was sent
 * for, because only files are.
 */
export function prepareDirectories(argv: readonly string[], { source, output }: StagingPaths): void {
  for (const [index, argument] of argv.entries()) {
    for (const file of namedOutputs(argument, output)) mkdirSync(join(file, ".."), { recursive: true });
    const searched = searchDirectory(argument, argv[index + 1]);
    if (searched === undefined) continue;
    const directory = isAbsolute(searched) ? searched : join(source, searched);
    if (isBelow(directory, source)) mkdirSync(directory, { recursive: true });
  }
}

function* namedOutputs(argument: string, output: string): Generator<string> {
  const prefix = `${output}${sep}`;
  for (let at = argument.indexOf(prefix); at >= 0; at = argument.indexOf(prefix, at + 1)) {
    const [path = ""] = argument.slice(at).split(/[, \t]/, 1);
    if (isBelow(join(path), output)) yield join(path);
  }
}

function searchDirectory(argument: string, next: string | undefined): string | undefined {
  const option = SEARCH_OPTIONS.find((name) => argument.startsWith(name));
  if (option === undefined) return undefined;
  const directory = argument === option ? next : argument.slice(option.length);
  return directory === "" ? undefined : directory;
}

function isBelow(path: string, directory: string): boolean {
  const normal = join(path);
  return normal === directory || normal.startsWith(`${directory}${sep}`);
}
