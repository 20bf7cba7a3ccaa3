/** Files that people give to hcsctl: specs, options, configurations and pods, told apart by what is in them. */
import { readFileSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { parseJson } from "../../../hcs/json.ts";
import { isObject, type JsonObject } from "../../../oci/json.ts";
import { BUNDLE_FILE } from "../../bootstrap/bundle.ts";
import { messageOf } from "../../errors.ts";
import { tableOfJson } from "../../options/json.ts";
import { TOML_NAMES } from "../../options/runtime.ts";
import { parseToml } from "../../options/toml.ts";

/**
 * - `spec`: an OCI `config.json`, alone or in a bundle
 * - `runtime`: options of one runtime handler, by their TOML names
 * - `node`: the node file
 * - `containerd`: containerd's own configuration, with its runtime handlers
 * - `pods`: Kubernetes manifests
 */
export type Input =
  | { readonly kind: "spec"; readonly path: string; readonly id: string; readonly document: JsonObject }
  | { readonly kind: "runtime" | "node" | "containerd"; readonly path: string; readonly table: JsonObject }
  | { readonly kind: "pods"; readonly path: string; readonly documents: readonly JsonObject[] };

/** @throws {Error} naming the file, when it cannot be read or is nothing that is known */
export async function readInput(path: string): Promise<Input> {
  try {
    if (statSync(path).isDirectory()) return spec(join(path, BUNDLE_FILE.config), basename(path));
    switch (extname(path).toLowerCase()) {
      case ".toml":
        return toml(path, await parseToml(readFileSync(path, "utf8"), path));
      case ".yaml":
      case ".yml":
        return await manifests(path);
      default:
        return json(path);
    }
  } catch (cause) {
    const text = messageOf(cause);
    throw new Error(text.includes(path) ? text : `cannot read ${path}: ${text}`, { cause });
  }
}

function toml(path: string, table: JsonObject): Input {
  if ("plugins" in table || "proxy_plugins" in table) return { kind: "containerd", path, table };
  const isRuntime =
    "runhcs" in table || Object.keys(table).some((name) => TOML_NAMES.has(name) || /^[A-Z]/.test(name));
  return { kind: isRuntime ? "runtime" : "node", path, table };
}

const SPEC_MEMBERS = ["ociVersion", "process", "root", "linux", "windows", "mounts", "annotations"];

function json(path: string): Input {
  const value = parseJson(readFileSync(path, "utf8"));
  if (!isObject(value)) throw new Error("must be a JSON object");
  if (typeof value["kind"] === "string" && "apiVersion" in value)
    return { kind: "pods", path, documents: [value] };
  if (SPEC_MEMBERS.some((member) => member in value))
    return { kind: "spec", path, id: idOf(path), document: value };
  return { kind: "runtime", path, table: tableOfJson(value) };
}

function spec(path: string, id: string): Input {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isObject(value)) throw new Error("config.json must be a JSON object");
  return { kind: "spec", path, id, document: value };
}

/** The task id that a bundle's directory is named for; another file is named for itself. */
function idOf(path: string): string {
  const name = basename(path, extname(path));
  return name === "config" ? basename(join(path, "..")) || name : name;
}

async function manifests(path: string): Promise<Input> {
  const { parseAllDocuments } = await import("yaml");
  const documents = parseAllDocuments(readFileSync(path, "utf8"));
  if (!Array.isArray(documents)) return { kind: "pods", path, documents: [] };
  return {
    kind: "pods",
    path,
    documents: documents.flatMap((parsed) => {
      const [error] = parsed.errors;
      if (error !== undefined) throw error;
      const value: unknown = parsed.toJS();
      return isObject(value) ? [value] : [];
    }),
  };
}
