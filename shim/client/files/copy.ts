/** Copies files one after the other, each with a result of its own. */
import { asError } from "../../errors.ts";
import type { Container } from "../container.ts";
import { ClientError, clientError } from "../errors.ts";
import { copyInto, copyOutOf } from "./confined.ts";
import { hostPathOf } from "./mount-transport.ts";
import type { CopiedFile, CopyOptions, CopyResult, FileCopy, FileTransport } from "./transport.ts";

/** @throws {ClientError} FailedPrecondition when no transport serves the container */
export async function copyFiles(
  direction: "upload" | "download",
  container: Container,
  copies: readonly FileCopy[],
  transports: readonly FileTransport[],
  options: CopyOptions,
): Promise<CopyResult[]> {
  const results: CopyResult[] = [];
  let failed = false;
  for (const copy of copies) {
    if (failed && options.stopOnError === true) {
      results.push({ ...copy, status: "skipped", bytes: 0 });
      continue;
    }
    try {
      requireContainerPath(copy.containerPath);
      results.push({
        ...copy,
        status: "ok",
        ...(await copyOne(direction, container, copy, transports, options)),
      });
    } catch (error) {
      failed = true;
      const verb = direction === "upload" ? "copy to" : "copy from";
      const action = `cannot ${verb} "${copy.containerPath}" of container "${container.id}"`;
      results.push({ ...copy, status: "failed", bytes: 0, error: asError(clientError(action, error)) });
    }
  }
  return results;
}

/** Where the container has a directory of the host nothing has to go through the container. */
async function copyOne(
  direction: "upload" | "download",
  container: Container,
  copy: FileCopy,
  transports: readonly FileTransport[],
  options: CopyOptions,
): Promise<CopiedFile> {
  const mounted = await hostPathOf(container, copy.containerPath, direction === "upload");
  if (mounted !== undefined)
    return direction === "upload"
      ? copyInto(copy.hostPath, mounted, options)
      : copyOutOf(mounted, copy.hostPath, options);
  const transport = await firstServing(container, transports);
  return transport[direction](container, copy, options);
}

async function firstServing(
  container: Container,
  transports: readonly FileTransport[],
): Promise<FileTransport> {
  for (const transport of transports) if (await transport.serves(container)) return transport;
  throw new ClientError(
    "FailedPrecondition",
    `cannot copy files of container "${container.id}": it must be running, and have one of ${transports.map(({ name }) => name).join(", ")}`,
    { id: container.id },
  );
}

/** Absolute, and not climbing: the guest confines it to the container besides. */
function requireContainerPath(path: string): void {
  const isAbsolute = path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
  const parts = path.split(/[\\/]/);
  if (isAbsolute && !parts.includes("..") && !path.includes("\0")) return;
  throw new ClientError(
    "InvalidArgument",
    `invalid containerPath: must be absolute, without ".." (found "${path}")`,
    {
      value: path,
    },
  );
}
