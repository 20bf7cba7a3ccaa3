import * as catalogue from "../../oci/annotations/catalogue.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

export function annotationsDocument(): string {
  return document(
    GENERATED,
    "# Annotations",
    "Keys are matched exactly. A value that cannot be read is ignored with a warning in containerd's log. Of a pod's annotations only those reach the shim that the runtime handler lets through (`pod_annotations`, `container_annotations`).",
    table(
      ["key", "read from", "type", "unit", "default", "effect"],
      Object.values(catalogue).map((row) => [
        code(row.key),
        row.scope,
        row.type.name,
        row.unit ?? "",
        row.default,
        row.effect,
      ]),
    ),
    "Options of this shim itself can be set as annotations too: see [options](options.md).",
  );
}
