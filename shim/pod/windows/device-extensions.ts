/** Device extensions of a Windows container: files of the host, named by an annotation. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { DeviceExtension } from "../../../hcs/schema/container.ts";
import type { AnnotationReader } from "../../../oci/annotations/read.ts";
import { SpecError } from "../../../oci/errors.ts";
import { deviceExtensionFiles, parseDeviceExtension } from "../../../oci/windows/devices.ts";
import { messageOf } from "../../errors.ts";

/** @returns undefined where none are asked for */
export async function readDeviceExtensions(
  reader: AnnotationReader,
  build: number,
  files: Pick<HostFiles, "readFile">,
  signal: AbortSignal,
): Promise<DeviceExtension[] | undefined> {
  const paths = deviceExtensionFiles(reader, build);
  if (paths.length === 0) return undefined;
  const extensions: DeviceExtension[] = [];
  for (const path of paths) {
    extensions.push(parseDeviceExtension(await readText(files, path, signal), path));
  }
  return extensions;
}

async function readText(
  files: Pick<HostFiles, "readFile">,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    return Buffer.from(await files.readFile(path, { signal })).toString("utf8");
  } catch (cause) {
    throw new SpecError({
      at: `device extension ${path}`,
      rule: `cannot be read: ${messageOf(cause)}`,
      cause,
    });
  }
}
