/** Files that a node is configured with, as they lie in `scripts/`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../build/bundle.ts";

/** @param pick which files: those of one platform have its name in theirs */
export function deploymentFiles(pick: "windows" | "linux"): [string, Uint8Array][] {
  return ["containerd", "kubernetes"].flatMap((folder) => {
    const directory = join(ROOT, "scripts/deploy", folder);
    return readdirSync(directory)
      .filter((file) => file.includes(pick))
      .map((file): [string, Uint8Array] => [`${folder}/${file}`, readFileSync(join(directory, file))]);
  });
}
