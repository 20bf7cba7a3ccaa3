/**
 * `layerchain.json`: stores that know no snapshotter keep in each layer folder which layers are below it. Some write the
 * parent alone, some every ancestor; both give the same chain here, and what fits neither is refused.
 */
import { win32, type PlatformPath } from "node:path";
import { SpecError } from "../errors.ts";

/** What is asked of the host's file system. */
export interface LayerReader {
  /** Undefined when nothing is there. */
  kindOf(path: string): Promise<"file" | "directory" | "other" | undefined>;
  /** Of a file that is there. */
  readText(path: string): Promise<string>;
}

export interface LayerChainOptions {
  /** A layer that is to become a base may have no parents; the scratch of a container must have some. */
  readonly mayBeBase?: boolean;
  /** Rules of the host's paths; those of Windows unless said otherwise. */
  readonly paths?: PlatformPath;
}

export interface LayerChain {
  /** Absolute, uppermost first. What goes into `windows.layerFolders` before the scratch. */
  readonly parents: readonly string[];
  /** The folder's own file says something else: an older form, relative paths, the parent alone. */
  readonly differs: boolean;
}

export type LayerChainFault =
  /** There is no file. */
  | "missing"
  /** It does not say what it must. */
  | "invalid"
  | "cycle"
  /** A parent stands before its child. */
  | "order"
  /** A parent is not there, or no layer. */
  | "layer"
  /** It does not end with a base layer. */
  | "incomplete"
  | "empty";

/** A chain of layers that cannot be followed. Its refusal is "failed precondition". */
export class LayerChainError extends SpecError {
  readonly fault: LayerChainFault;

  constructor(fault: LayerChainFault, folder: string, rule: string, value?: unknown, cause?: unknown) {
    super({ at: `${CHAIN_FILE} of "${folder}"`, rule, value, refusal: "failed precondition", cause });
    this.fault = fault;
  }
}

const CHAIN_FILE = "layerchain.json";
/** Beside a layer: copies of its parents, for stores that were moved. */
const PARENTS_FOLDER = "parents";
/** More than Windows can combine. */
const MOST_LAYERS = 127;

/** A folder with one of these is a layer: files to be merged, or an image of them. */
const CONTENTS = [
  ["Files", "directory"],
  ["layer.cim", "file"],
] as const;

/** A folder with one of these is a base layer: hives that are no differences, or what importing a base leaves. */
const MARKS_OF_BASE = [
  ["Hives", "System_Base"],
  ["Hives", "Software_Base"],
  ["Hives", "Sam_Base"],
  ["Hives", "Security_Base"],
  ["Hives", "DefaultUser_Base"],
  ["blank.vhdx"],
  ["layout"],
];

/**
 * The layers below `folder`, by its `layerchain.json` and theirs.
 *
 * @throws {LayerChainError} naming the folder whose file is at fault
 */
export async function resolveLayerChain(
  folder: string,
  reader: LayerReader,
  { mayBeBase = false, paths = win32 }: LayerChainOptions = {},
): Promise<LayerChain> {
  const walk = new ChainWalk(reader, paths);
  const top = normalize(folder, paths);
  const own = await walk.read(top);
  if (own === undefined && !mayBeBase)
    throw new LayerChainError(
      "missing",
      top,
      "must be there: the folder does not say which layers are below it",
    );
  await walk.expand(top, own?.entries ?? []);
  const { parents } = walk;
  if (parents.length === 0 && !mayBeBase)
    throw new LayerChainError("empty", top, "must name a layer: a container needs one at least", []);
  walk.checkOrder();
  await checkLayers(parents, reader, paths);
  const listed = own?.isPlain === true ? own.entries : undefined;
  const differs =
    listed?.length !== parents.length || listed.some((entry, index) => entry !== parents[index]);
  return { parents, differs: own === undefined ? parents.length > 0 : differs };
}

/** Content of a `layerchain.json` that every reader understands. */
export function formatLayerChain(parents: readonly string[]): string {
  return `${JSON.stringify(parents)}\n`;
}

interface ChainFile {
  readonly entries: readonly string[];
  /** An array, not the object that early stores wrote. */
  readonly isPlain: boolean;
}

class ChainWalk {
  readonly parents: string[] = [];
  readonly #reader: LayerReader;
  readonly #paths: PlatformPath;
  /** Folder → what its own file lists, resolved. */
  readonly #chains = new Map<string, readonly string[]>();

  constructor(reader: LayerReader, paths: PlatformPath) {
    this.#reader = reader;
    this.#paths = paths;
  }

  async read(folder: string): Promise<ChainFile | undefined> {
    const path = this.#paths.join(folder, CHAIN_FILE);
    if ((await this.#reader.kindOf(path)) === undefined) return undefined;
    return parseChain(folder, await this.#reader.readText(path));
  }

  /** Depth first, in the order listed. @param above the folders that led here */
  async expand(folder: string, entries: readonly string[], above: readonly string[] = []): Promise<void> {
    const path = [...above, this.#key(folder)];
    const resolved: string[] = [];
    this.#chains.set(this.#key(folder), resolved);
    for (const entry of entries) {
      const parent = await this.#resolve(folder, entry);
      const key = this.#key(parent);
      if (path.includes(key))
        throw new LayerChainError("cycle", folder, "must not lead back to a layer above", entry);
      resolved.push(key);
      if (this.#chains.has(key)) continue;
      this.parents.push(parent);
      if (this.parents.length > MOST_LAYERS)
        throw new LayerChainError("invalid", folder, `must not lead to more than ${MOST_LAYERS} layers`);
      await this.expand(parent, (await this.read(parent))?.entries ?? [], path);
    }
  }

  /** Every file's list must be part of the whole in the same order, below the folder that it is in. */
  checkOrder(): void {
    const place = new Map(this.parents.map((parent, index) => [this.#key(parent), index]));
    for (const [key, chain] of this.#chains) {
      let before = place.get(key) ?? -1;
      for (const parent of chain) {
        const here = place.get(parent) ?? -1;
        const name = this.parents[here] ?? parent;
        if (here < before)
          throw new LayerChainError("order", key, "must list layers below those that need them", name);
        before = here;
      }
    }
  }

  async #resolve(folder: string, entry: string): Promise<string> {
    const paths = this.#paths;
    const name = normalize(entry, paths);
    if (!paths.isAbsolute(name) && name.split(paths.sep).includes(".."))
      throw new LayerChainError("invalid", folder, "must not lead out of the folder", entry);
    const candidates = [
      paths.isAbsolute(name) ? name : paths.join(folder, name),
      paths.join(folder, PARENTS_FOLDER, paths.basename(name)),
    ];
    for (const candidate of candidates) {
      if ((await this.#reader.kindOf(candidate)) === "directory") return candidate;
    }
    throw new LayerChainError(
      "layer",
      folder,
      `names a layer that is in none of ${candidates.join(", ")}`,
      entry,
    );
  }

  /** Paths of Windows differ in nothing but case when they are the same. */
  #key(path: string): string {
    return this.#paths.sep === "\\" ? path.toLowerCase() : path;
  }
}

function parseChain(folder: string, text: string): ChainFile {
  let read: unknown;
  try {
    // A byte order mark is no part of JSON, and some editors write one.
    read = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new LayerChainError(
      "invalid",
      folder,
      `is not JSON: ${(cause as Error).message}`,
      undefined,
      cause,
    );
  }
  const isPlain = Array.isArray(read);
  const entries = isPlain ? read : (read as { readonly Chain?: unknown } | null)?.Chain;
  if (!isListOfPaths(entries))
    throw new LayerChainError("invalid", folder, "must be an array of paths", read);
  if (entries.length > MOST_LAYERS)
    throw new LayerChainError(
      "invalid",
      folder,
      `must not name more than ${MOST_LAYERS} layers`,
      entries.length,
    );
  return { entries, isPlain };
}

function isListOfPaths(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((path) => typeof path === "string" && path !== "");
}

async function checkLayers(
  parents: readonly string[],
  reader: LayerReader,
  paths: PlatformPath,
): Promise<void> {
  for (const parent of parents) {
    const found = CONTENTS.map(
      async ([name, kind]) => (await reader.kindOf(paths.join(parent, name))) === kind,
    );
    if (!(await Promise.all(found)).includes(true))
      throw new LayerChainError(
        "layer",
        parent,
        `is of no layer: it has none of ${names(
          CONTENTS.map(([name]) => [name]),
          paths,
        )}`,
      );
  }
  const base = parents.at(-1);
  if (base === undefined) return;
  const marks = MARKS_OF_BASE.map((mark) => reader.kindOf(paths.join(base, ...mark)));
  if ((await Promise.all(marks)).every((kind) => kind === undefined))
    throw new LayerChainError(
      "incomplete",
      base,
      `ends the chain, and is no base layer: it has none of ${names(MARKS_OF_BASE, paths)}`,
    );
}

function names(marks: readonly (readonly string[])[], paths: PlatformPath): string {
  return marks.map((mark) => paths.join(...mark)).join(", ");
}

/** One form for one folder: separators of the host, no `\\?\` before and no separator behind. */
function normalize(path: string, paths: PlatformPath): string {
  if (paths.sep !== "\\") return path.length > 1 ? path.replace(/\/+$/, "") : path;
  const plain = path.replaceAll("/", "\\").replace(/^\\\\\?\\(?=[A-Za-z]:)/, "");
  return /^[A-Za-z]:\\$/.test(plain) ? plain : plain.replace(/\\+$/, "");
}
