/** Files below a directory of the host that the container has mounted: they are copied on the host, and need no program in it. */
import { realpath } from "node:fs/promises";
import { isObject } from "../../../oci/json.ts";
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";
import type { ConfinedPath } from "./confined.ts";

/**
 * @returns the path on the host behind `containerPath`; undefined when no mount of a host directory has it
 * @throws {ClientError} when the mount is read-only
 */
export async function hostPathOf(
  container: Container,
  containerPath: string,
  forWriting: boolean,
): Promise<ConfinedPath | undefined> {
  const { spec, os } = await container.info();
  const wanted = segments(containerPath);
  const fold = (part: string | undefined): string | undefined =>
    os === "windows" ? part?.toLowerCase() : part;
  const [best] = (Array.isArray(spec["mounts"]) ? spec["mounts"] : [])
    .filter(isObject)
    .filter(({ type, source }) => (type === undefined || type === "bind") && typeof source === "string")
    .map((mount) => ({ mount, parts: segments(String(mount["destination"])) }))
    .filter(({ parts }) => parts.every((part, index) => fold(wanted[index]) === fold(part)))
    .sort((a, b) => b.parts.length - a.parts.length);
  if (best === undefined) return undefined;
  const { mount, parts } = best;
  const options: unknown[] = Array.isArray(mount["options"]) ? mount["options"] : [];
  if (forWriting && options.includes("ro"))
    throw new ClientError("FailedPrecondition", `"${String(mount["destination"])}" is mounted read-only`, {
      path: containerPath,
    });
  return { root: await realpath(String(mount["source"])), components: wanted.slice(parts.length) };
}

function segments(file: string): string[] {
  return file.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
}
