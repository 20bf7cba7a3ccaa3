import type { AnnotationRow } from "../../oci/annotations/row.ts";
import { ANNOTATION_TOPICS } from "../../oci/annotations/topics.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

const OS = { windows: "Windows", linux: "Linux" } as const;
const SCOPE = { pod: "pod", container: "container", both: "pod, container" } as const;

function place({ scope, os, isolation }: AnnotationRow): string {
  const guest = os === undefined ? [] : [OS[os]];
  return [SCOPE[scope], ...guest, ...(isolation === undefined ? [] : [isolation])].join("; ");
}

function meaning({ effect, check, audience, strict }: AnnotationRow): string {
  const notes = [
    ...(check === undefined ? [] : [check]),
    ...(audience === "guest" ? ["read by the guest"] : []),
    ...(audience === "internal" ? ["for diagnosis and tests"] : []),
    ...(strict ? ["a value that cannot be read is an error"] : []),
  ];
  return notes.length === 0 ? effect : `${effect} (${notes.join("; ")})`;
}

function rowOf(row: AnnotationRow): string[] {
  const unit = row.unit === undefined ? "" : `, ${row.unit}`;
  return [
    code(row.prefix ? `${row.key}<GUID>` : row.key),
    place(row),
    row.type.name + unit,
    row.default,
    meaning(row),
  ];
}

export function annotationsDocument(): string {
  return document(
    GENERATED,
    "# Annotations",
    "Keys are matched exactly. A value that cannot be read is ignored with a warning in containerd's log, unless its row says otherwise. Of a pod's annotations only those reach the shim that the runtime handler lets through (`pod_annotations`, `container_annotations`).",
    "The second column says whose spec a key is read from, and for which containers: elsewhere it has no effect.",
    ...ANNOTATION_TOPICS.flatMap(({ title, rows }) => [
      `## ${title}`,
      table(["key", "read from", "type", "default", "effect"], rows.map(rowOf)),
    ]),
    "Options of this shim itself can be set as annotations too: see [options](options.md).",
  );
}
