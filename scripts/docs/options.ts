import { nodeFilePath } from "../../shim/options/node-file.ts";
import { ANNOTATION_PREFIX, OPTIONS, type OptionRow } from "../../shim/options/table.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

const SOURCES: Readonly<Record<OptionRow["sources"][number], string>> = {
  annotation: "annotation",
  runtime: "runtime options",
  node: "node file",
};

function defaultOf(row: OptionRow): string {
  if (row.name.startsWith("budgets.")) return code(`${Number(row.default) / 1000}s`);
  return row.default === "" ? "empty" : code(String(row.default));
}

export function optionsDocument(): string {
  return document(
    GENERATED,
    "# Options",
    `Options of this shim that \`containerd.runhcs.v1.Options\` has no field for. They are read, strongest first, from

1. pod annotations ${code(`${ANNOTATION_PREFIX}<name>`)}, for example ${code(`${ANNOTATION_PREFIX}budgets.drain`)} with value ${code("5s")};
2. runtime options: a table ${code("[runhcs]")} in the runtime handler's ${code("options")}, or in the file its ${code("ConfigPath")} names
   (containerd 1.6 passes on the file name only);
3. the node file: ${code(nodeFilePath({}))} on Linux, ${code("%ProgramData%\\containerd\\runhcs.toml")} on Windows, or the file that the
   environment variable ${code("RUNHCS_CONFIG")} of containerd names;
4. the default.`,
    "An option may be set only where its row says so. A mistake in a file is an error that names file and option; a mistake in an annotation is a warning in containerd's log, because a pod should not fail for it.",
    `\`\`\`toml
# /etc/containerd/runhcs.toml
[log]
level = "debug"

[budgets]
vm-boot = "3m"
\`\`\``,
    table(
      ["option", "value", "default", "read from", "meaning"],
      [...OPTIONS.values()].map((row) => [
        code(row.name),
        row.kind.name,
        defaultOf(row),
        row.sources.map((source) => SOURCES[source]).join(", "),
        row.description,
      ]),
    ),
  );
}
