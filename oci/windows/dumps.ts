/** Dumps of crashed processes: registry values for Windows Error Reporting inside the container. */
import type { RegistryValue } from "../../hcs/schema/registry.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { processDumpCount, processDumpLocation, processDumpType } from "../annotations/windows-container.ts";
import { SpecError } from "../errors.ts";

const LOCAL_DUMPS = {
  Hive: "Software",
  Name: "Microsoft\\Windows\\Windows Error Reporting\\LocalDumps",
} as const;

const FULL = 2;
const DEFAULT_COUNT = 10;

/** At the end of a folder, in one letter case: stands for the container's id. */
const PLACEHOLDERS = ["{container_id}", "{CONTAINER_ID}"];

/**
 * @param inherited folder the pod of a hypervisor-isolated container names
 * @throws {SpecError} when there is a folder, and type or count of the dumps make no sense
 */
export function dumpRegistryValues(
  reader: AnnotationReader,
  containerId: string,
  inherited: string | undefined,
): RegistryValue[] {
  const folder = reader.read(processDumpLocation) ?? inherited ?? "";
  if (folder === "") return [];
  return [
    { Key: LOCAL_DUMPS, Name: "DumpFolder", Type: "String", StringValue: dumpFolder(folder, containerId) },
    { Key: LOCAL_DUMPS, Name: "DumpType", Type: "DWord", DWordValue: reader.read(processDumpType) ?? FULL },
    { Key: LOCAL_DUMPS, Name: "DumpCount", Type: "DWord", DWordValue: dumpCount(reader) },
  ];
}

function dumpFolder(folder: string, containerId: string): string {
  const placeholder = PLACEHOLDERS.find((suffix) => folder.endsWith(suffix));
  return placeholder === undefined ? folder : folder.slice(0, -placeholder.length) + containerId;
}

function dumpCount(reader: AnnotationReader): number {
  const count = reader.read(processDumpCount) ?? DEFAULT_COUNT;
  if (count > 0) return count;
  throw new SpecError({ at: `annotation ${processDumpCount.key}`, rule: "must be above 0", value: count });
}
