/**
 * Loads modules that are not ours when something of them is first used, instead of with the bundle: what answers a pod's first
 * call needs neither hashes nor system calls, and evaluating the modules that have them takes longer than all of ours.
 */
import type { Plugin } from "esbuild";
import { createRequire } from "node:module";
import { LATE_MODULES } from "../../hcs/emulator/late-modules.ts";

const NAMESPACE = "lazy";
const FFI = "koffi";

const require = createRequire(import.meta.url);

/** A module with the names of the real one, which it loads the first time that one of them is asked for. */
function standIn(path: string, load = `require(${JSON.stringify(path)})`): string {
  const names = JSON.stringify(Object.keys(require(path) as object));
  return `
    let loaded;
    const load = () => (loaded ??= ${load});
    for (const name of ${names}) Object.defineProperty(exports, name, { enumerable: true, get: () => load()[name] });`;
}

/**
 * The FFI package looks for its native module in places that depend on machine and C library, which takes ten times as long as
 * loading it. It is where the build has put it; the package is asked where that cannot be loaded, and says why.
 */
const ffiStandIn = (): string => `${standIn(FFI, `direct() ?? require("${FFI}")`)}
  function direct() {
    const module = { exports: {} };
    const [platform, arch] = [process.platform, process.arch];
    const file = \`\${__dirname}/../node_modules/@koromix/koffi-\${platform}-\${arch}/\${platform}_\${arch}/koffi.node\`;
    try {
      process.dlopen(module, file);
    } catch {
      return undefined;
    }
    return module.exports;
  }`;

export const lazyModules: Plugin = {
  name: "lazy-modules",
  setup: (build) => {
    const filter = new RegExp(`^(?:${[...LATE_MODULES, FFI].join("|")})$`);
    build.onResolve({ filter }, ({ path, namespace, kind }) => {
      // What asks at run time asks late enough; and the stand-in wants the real one.
      if (namespace === NAMESPACE || kind !== "import-statement") return { path, external: true };
      return { path, namespace: NAMESPACE };
    });
    build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
      contents: path === FFI ? ffiStandIn() : standIn(path),
    }));
  },
};
