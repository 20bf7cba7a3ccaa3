/** Paths of the host in documents: the separator is that of the directory. */

export function joinPath(directory: string, name: string): string {
  const separator = directory.includes("\\") || /^[A-Za-z]:/.test(directory) ? "\\" : "/";
  return directory.endsWith(separator) ? directory + name : directory + separator + name;
}
