/** Where the boot files of a Linux VM are, and which of them. */
import { posix, win32 } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import type { LinuxBootFiles } from "../../../oci/documents/linux-boot.ts";

interface WantedBootFiles {
  /** Empty: the host's own. A relative one is under the working directory. */
  readonly directory: string;
  readonly names: readonly string[];
}

/** @param known boot files that the host said it has */
export async function findBootFiles(
  { traits, files }: Pick<HcsBackend, "traits" | "files">,
  known: LinuxBootFiles,
  { directory: wanted, names }: WantedBootFiles,
  signal: AbortSignal,
): Promise<LinuxBootFiles> {
  const path = traits.paths === "win32" ? win32 : posix;
  const fold = (text: string): string => (traits.paths === "win32" ? text.toLowerCase() : text);
  const named = wanted === "" ? known.directory : path.resolve(wanted);
  const isKnown = fold(named) === fold(known.directory);
  const directory = isKnown ? known.directory : named;
  const present: string[] = [];
  for (const name of names) {
    const isThere =
      (isKnown && known.files.includes(name)) ||
      (await files.stat(path.join(directory, name), { signal })) !== undefined;
    if (isThere) present.push(name);
  }
  return { directory, files: present };
}
