/** Volume paths: `\\?\Volume{GUID}`, with a backslash at the end or without. */
import { SpecError } from "../errors.ts";

const VOLUME = /^\\\\\?\\Volume\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}\\?$/i;

/** Lower-case GUID of a volume path. @throws {SpecError} for any other path @param at where it stands, for errors */
export function volumeId(path: string, at: string): string {
  const id = VOLUME.exec(path)?.[1];
  if (id !== undefined) return id.toLowerCase();
  throw new SpecError({ at, rule: "must be a volume, \\\\?\\Volume{GUID}", value: path });
}

/** With a backslash: the root directory of the volume. */
export function withBackslash(path: string): string {
  return path.endsWith("\\") ? path : `${path}\\`;
}

/** Without one: the volume itself. */
export function withoutBackslash(path: string): string {
  return path.endsWith("\\") ? path.slice(0, -1) : path;
}
