/**
 * Overlay mounts with many layers. mount(2) takes one page of data, and the paths of a deep image are longer; with the
 * directory above all layers as working directory, their names alone are given.
 */

export interface ShortenedOptions {
  /** Working directory in which the relative layer paths hold. */
  readonly directory: string;
  readonly data: readonly string[];
}

const LOWER = "lowerdir=";

/** Undefined when there are no layers, or nothing but `/` is above all of them. */
export function shortenLayers(data: readonly string[]): ShortenedOptions | undefined {
  const lower = data.find((option) => option.startsWith(LOWER));
  if (lower === undefined) return undefined;
  const layers = splitLayers(lower.slice(LOWER.length));
  const directory = commonParent(layers);
  if (directory === undefined) return undefined;
  const relative = layers.map((layer) => layer.slice(directory.length + 1)).join(":");
  return { directory, data: data.map((option) => (option === lower ? LOWER + relative : option)) };
}

/** A colon inside a path is written `\:` (overlayfs.rst). */
function splitLayers(text: string): string[] {
  return text.split(/(?<!\\):/);
}

/** Longest directory that is above every path; a path with an escape is no directory name as it stands. */
function commonParent(paths: readonly string[]): string | undefined {
  const [first, ...others] = paths.map((path) => path.split("/").slice(0, -1));
  if (first === undefined || paths.some((path) => !path.startsWith("/"))) return undefined;
  const end = first.findIndex(
    (part, index) => part.includes("\\") || others.some((other) => other[index] !== part),
  );
  const common = end === -1 ? first : first.slice(0, end);
  return common.length < 2 ? undefined : common.join("/");
}
