/** Folders of layers in memory, as a reader sees them. */
import { win32 } from "node:path";
import type { LayerReader } from "../../../../oci/windows/layer-chain.ts";

export class LayerStore implements LayerReader {
  readonly #entries = new Map<string, string | undefined>();

  /** A layer folder. @param chain content of its `layerchain.json`; JSON unless it is text */
  layer(folder: string, chain?: unknown, contents: readonly string[] = ["Files\\"]): this {
    for (const name of contents) this.add(win32.join(folder, name));
    if (chain !== undefined)
      this.add(
        win32.join(folder, "layerchain.json"),
        typeof chain === "string" ? chain : JSON.stringify(chain),
      );
    return this;
  }

  base(folder: string, chain?: unknown): this {
    return this.layer(folder, chain, ["Files\\", "Hives\\System_Base"]);
  }

  /** A file, or a directory when the path ends with a backslash; with the directories it is in. */
  add(path: string, content = ""): this {
    this.#entries.set(keyOf(path), path.endsWith("\\") ? undefined : content);
    for (let up = win32.dirname(keyOf(path)); !this.#entries.has(up); up = win32.dirname(up))
      this.#entries.set(up, undefined);
    return this;
  }

  async kindOf(path: string): ReturnType<LayerReader["kindOf"]> {
    const key = keyOf(path);
    if (!this.#entries.has(key)) return undefined;
    return this.#entries.get(key) === undefined ? "directory" : "file";
  }

  async readText(path: string): Promise<string> {
    return this.#entries.get(keyOf(path)) ?? "";
  }
}

function keyOf(path: string): string {
  return path.toLowerCase().replace(/\\$/, "");
}
