/** Files below a directory of the host that the container has mounted: they are copied on the host, and need no program in it. */
import { cp, mkdir, realpath, stat } from "node:fs/promises";
import path, { dirname, join } from "node:path";
import { isObject } from "../../../oci/json.ts";
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";
import type { CopiedFile, CopyOptions } from "./transport.ts";

/**
 * @returns the path on the host behind `containerPath`; undefined when no mount of a host directory has it
 * @throws {ClientError} when a link leads out of the mount, or the mount is read-only
 */
export async function hostPathOf(
  container: Container,
  containerPath: string,
  forWriting: boolean,
): Promise<string | undefined> {
  const { spec } = await container.info();
  const mounts = (Array.isArray(spec["mounts"]) ? spec["mounts"] : []).filter(isObject);
  const wanted = segments(containerPath);
  const candidates = mounts
    .filter(({ type, source }) => (type === undefined || type === "bind") && typeof source === "string")
    .map((mount) => ({ mount, parts: segments(String(mount["destination"])) }))
    .filter(({ parts }) => parts.every((part, index) => wanted[index]?.toLowerCase() === part.toLowerCase()))
    .sort((a, b) => b.parts.length - a.parts.length);
  const [best] = candidates;
  if (best === undefined) return undefined;
  const { mount, parts } = best;
  const options: unknown[] = Array.isArray(mount["options"]) ? mount["options"] : [];
  if (forWriting && options.includes("ro"))
    throw new ClientError("FailedPrecondition", `"${String(mount["destination"])}" is mounted read-only`, {
      path: containerPath,
    });
  const source = await realpath(String(mount["source"]));
  const target = join(source, ...wanted.slice(parts.length));
  await refuseEscape(source, target, containerPath);
  return target;
}

export async function copyOnHost(from: string, to: string, options: CopyOptions): Promise<CopiedFile> {
  const found = await stat(from);
  if (found.isDirectory() && options.recursive !== true)
    throw new ClientError("InvalidArgument", `${from} is a directory: copy it with recursive`, {
      path: from,
    });
  if (found.isFile() && found.size > (options.maxBytes ?? Infinity))
    throw new ClientError(
      "ResourceExhausted",
      `${from} has ${found.size} bytes, more than the ${options.maxBytes} allowed`,
      {
        path: from,
      },
    );
  if (options.mkdirs === true) await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, preserveTimestamps: true, dereference: true });
  const bytes = found.isFile() ? found.size : 0;
  options.onProgress?.(bytes);
  return { bytes, ...(found.isFile() ? { mode: found.mode & 0o7777 } : {}) };
}

/** The container may have put links into what it shares with the host. */
async function refuseEscape(root: string, target: string, containerPath: string): Promise<void> {
  for (let current = target; ; current = dirname(current)) {
    const real = await realpath(current).catch(() => undefined);
    if (real === undefined && current !== dirname(current)) continue;
    const inside =
      real === root || real?.startsWith(root.endsWith(path.sep) ? root : root + path.sep) === true;
    if (inside) return;
    throw new ClientError("FailedPrecondition", `"${containerPath}" leads out of what is mounted there`, {
      path: containerPath,
    });
  }
}

function segments(file: string): string[] {
  return file.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
}
