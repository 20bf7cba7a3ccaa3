/** What is wrong with annotations, or does nothing, before anybody runs them. */
import type { SpecWarning } from "../errors.ts";
import { hvSocketServices } from "../documents/hv-socket-table.ts";
import type { Identity } from "../identity.ts";
import type { Isolation } from "../isolation.ts";
import { nearestName } from "../nearest.ts";
import { registryValues } from "../windows/registry.ts";
import * as ANNOTATION from "./catalogue.ts";
import { expandAnnotations } from "./expand.ts";
import { AnnotationReader } from "./read.ts";
import type { AnnotationRow } from "./row.ts";
import { ANNOTATION_TOPICS } from "./topics.ts";
import { UNREAD_ANNOTATIONS } from "./unread.ts";
import { boolean } from "./values.ts";

/**
 * - `error`: it is not what was meant
 * - `warning`: it does nothing, or something else than it seems to
 * - `note`: it does nothing here, which may be as it should be
 */
export type Severity = "error" | "warning" | "note";

export interface AnnotationFinding {
  readonly severity: Severity;
  readonly key: string;
  readonly message: string;
}

/** What the annotations are for; undefined members are not known. */
export interface AnnotationMode {
  readonly isolation?: Isolation | undefined;
  readonly role?: Identity["role"] | undefined;
}

const ROWS = ANNOTATION_TOPICS.flatMap(({ rows }) => rows);
const PREFIX_ROWS = ROWS.filter(({ prefix }) => prefix);
const BY_KEY: ReadonlyMap<string, AnnotationRow> = new Map(
  ROWS.filter(({ prefix }) => !prefix).map((row) => [row.key, row]),
);

/** Beginnings of keys that are meant for this shim, in whatever letter case. */
const OUR_PREFIXES = ["io.microsoft.", "microsoft.com/"];

/** In the order of the keys; what concerns several keys last. */
export function validateAnnotations(
  annotations: Readonly<Record<string, string>>,
  mode: AnnotationMode = {},
): AnnotationFinding[] {
  const expansion = expandAnnotations(annotations);
  return [
    ...Object.entries(annotations).flatMap(([key, text]) => checkEntry(key, text, mode)),
    ...structured(annotations),
    ...expansion.refusals.map(({ at, message }) => finding("error", keyOf(at), message)),
  ];
}

function finding(severity: Severity, key: string, message: string): AnnotationFinding {
  return { severity, key, message };
}

function checkEntry(key: string, text: string, mode: AnnotationMode): AnnotationFinding[] {
  const row = BY_KEY.get(key) ?? PREFIX_ROWS.find((candidate) => key.startsWith(candidate.key));
  if (row !== undefined) return [...checkValue(row, key, text), ...checkEffect(row, key, mode)];
  const unread = UNREAD_ANNOTATIONS.get(key);
  if (unread !== undefined) return [finding("warning", key, `has no effect: ${unread}`)];
  if (!OUR_PREFIXES.some((prefix) => key.toLowerCase().startsWith(prefix))) return [];
  const near = nearestName(key, BY_KEY.keys());
  const hint = near === undefined ? "" : `, did you mean "${near}"?`;
  return [finding("error", key, `is not known${hint}`)];
}

function checkValue(row: AnnotationRow, key: string, text: string): AnnotationFinding[] {
  if (text === row.type.absent) return [];
  const value = row.type.parse(text);
  const found = `(found ${JSON.stringify(text)})`;
  if (value === undefined) {
    const otherwise = row.strict ? "" : `, and is ignored: default is ${row.default}`;
    return [finding("error", key, `must be ${row.type.name} ${found}${otherwise}`)];
  }
  if (row.valid?.(value) === false)
    return [finding("error", key, `must be ${[row.check, row.unit].filter(Boolean).join("; ")} ${found}`)];
  const looksTrue = value === false && boolean.parse(text) === true;
  return looksTrue ? [finding("warning", key, `counts as false: only the text "true" is true ${found}`)] : [];
}

const OS = { windows: "Windows", linux: "Linux" } as const;

function checkEffect(
  row: AnnotationRow,
  key: string,
  { isolation, role }: AnnotationMode,
): AnnotationFinding[] {
  if (isolation !== undefined) {
    const os = isolation === "linux-vm" ? "linux" : "windows";
    if (row.os !== undefined && row.os !== os) {
      return [
        finding("warning", key, `has no effect: it is for ${OS[row.os]} containers, these are of ${OS[os]}`),
      ];
    }
    const inVm = isolation === "linux-vm" || isolation === "windows-vm";
    if (row.isolation === "hypervisor" && !inVm)
      return [finding("warning", key, "has no effect: it needs hypervisor isolation")];
    if (row.isolation === "process" && inVm)
      return [finding("warning", key, "has no effect: it needs process isolation")];
  }
  if (role === "workload" && row.scope === "pod")
    return [finding("note", key, "has no effect here: it is read from the pod's sandbox")];
  return [];
}

/** Values that are JSON. */
function structured(annotations: Readonly<Record<string, string>>): AnnotationFinding[] {
  const reader = new AnnotationReader(annotations);
  hvSocketServices(reader);
  registryValues(reader, ANNOTATION.additionalRegistryKeys);
  registryValues(reader, ANNOTATION.testRegistryValues);
  return reader.warnings.map(({ at, message }: SpecWarning) => finding("error", keyOf(at), message));
}

/** The key in a place such as `annotation <key>`. */
function keyOf(at: string): string {
  return at.replace(/^annotation /, "");
}
