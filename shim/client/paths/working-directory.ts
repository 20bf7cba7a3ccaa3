/** Where a person is on the host, as a container has it. */
import path, { posix, type PlatformPath } from "node:path";

/** A directory of the host and where the container has it. */
export interface DirectoryMapping {
  readonly host: string;
  readonly container: string;
}

/**
 * The directory of the container that `directory` of the host is, by the longest of `mappings` that fits.
 *
 * @param paths rules of the host; on Windows letter case does not matter
 * @returns undefined outside of all of them
 */
export function mappedDirectory(
  directory: string,
  mappings: readonly DirectoryMapping[],
  paths: PlatformPath = path,
): string | undefined {
  const fold = (text: string): string => (paths.sep === "\\" ? text.toLowerCase() : text);
  const partsOf = (text: string): string[] =>
    paths
      .normalize(text)
      .split(paths.sep)
      .filter((part) => part !== "");
  const parts = partsOf(directory);
  const [best] = mappings
    .map(({ host, container }) => ({ prefix: partsOf(host), container }))
    .filter(({ prefix }) => prefix.every((part, index) => fold(part) === fold(parts[index] ?? "")))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  if (best === undefined) return undefined;
  const rest = parts.slice(best.prefix.length);
  const separator = best.container.includes("\\") ? "\\" : posix.sep;
  const root = best.container.replace(/[\\/]+$/, "");
  return rest.length === 0 ? best.container : [root, ...rest].join(separator);
}
