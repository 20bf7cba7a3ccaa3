/**
 * Package koffi in a single executable: its native module lies beside the executable and is loaded only if it is the very
 * one the executable was built with. Bundling puts this file in the place of the package.
 *
 * Not embedded, because it would have to be written to a directory before it can be loaded, and a directory that is
 * written at run time is one more place where somebody else might write.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { getAsset } from "node:sea";

/** Name of the native module beside the executable. */
const NATIVE_MODULE = "koffi.node";
/** Asset of the executable with the module's SHA-256, in hexadecimal. */
const DIGEST_ASSET = "koffi.node.sha256";

/** @throws when the module is missing or another one, saying what to do */
function loadVerified(path: string, digest: string): object {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    throw new Error(
      `cannot load ${path}: ${code}; it belongs beside ${process.execPath}: install both from one package`,
      { cause },
    );
  }
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== digest) {
    throw new Error(
      `cannot load ${path}: its SHA-256 is ${found}, ${process.execPath} was built with ${digest}: install both from one package`,
    );
  }
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

const native: object = loadVerified(
  join(dirname(process.execPath), NATIVE_MODULE),
  getAsset(DIGEST_ASSET, "utf8"),
);

export default native;
