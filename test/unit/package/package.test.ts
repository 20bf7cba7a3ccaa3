import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../../shim/version.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
};

describe("package.json", () => {
  it("has the version that the programs print", () => assert.equal(manifest.version, VERSION));

  for (const [entry, { types, default: code }] of Object.entries(manifest.exports)) {
    it(`exports ${entry} from a source that exists`, () => {
      const source = code.replace("./dist/lib/", "").replace(/\.js$/, ".ts");
      assert.ok(readFileSync(join(ROOT, source), "utf8").length > 0);
      assert.equal(types, code.replace(/\.js$/, ".d.ts"));
    });
  }
});
