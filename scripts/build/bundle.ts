/** Which programs there are, and how the sources of one become one file. */
import type { BuildOptions, Plugin } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { lazyModules } from "./lazy-modules.ts";

export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What is built for Linux. */
export interface Program {
  readonly entry: string;
  /** What is run: a few lines that load the bundle (`shim/hosting/load.ts`). */
  readonly output: string;
  /** Everything the program is, in `libexec`. */
  readonly bundle: string;
  /** Started by its name, not by Node. */
  readonly executable: boolean;
}

export const PROGRAMS: readonly Program[] = [
  {
    entry: "shim/main.ts",
    output: "bin/containerd-shim-runhcs-v1",
    bundle: "shim.bundle.cjs",
    executable: true,
  },
  { entry: "shim/hcsctl/main.ts", output: "bin/hcsctl", bundle: "hcsctl.bundle.cjs", executable: true },
  { entry: "shim/serve.ts", output: "libexec/serve.cjs", bundle: "serve.bundle.cjs", executable: false },
  { entry: "shim/keeper.ts", output: "libexec/keeper.cjs", bundle: "keeper.bundle.cjs", executable: false },
  {
    entry: "hcs/emulator/worker/main.ts",
    output: "libexec/vm-worker.cjs",
    bundle: "vm-worker.bundle.cjs",
    executable: false,
  },
];

/** What goes into containers: one file, without kept code, since another machine may run it. */
export const AGENT: Pick<Program, "entry" | "bundle"> = {
  entry: "shim/agent/guest/main.ts",
  bundle: "agent.cjs",
};

/**
 * winston brings the streams of Node along as a package; those of the Node it runs on are the same, and there already.
 * Saves a third of what winston takes.
 */
const NODE_STREAMS: Plugin = {
  name: "node-streams",
  setup: (build) => {
    build.onResolve({ filter: /^readable-stream$/ }, () => ({ path: "node:stream", external: true }));
    build.onResolve({ filter: /^readable-stream\/lib\/_stream_writable\.js$/ }, ({ path }) => ({
      path,
      namespace: "node-streams",
    }));
    build.onLoad({ filter: /.*/, namespace: "node-streams" }, () => ({
      contents: `module.exports = require("node:stream").Writable;`,
    }));
  },
};

/** CommonJS, because the FFI package and single executables are. */
export function bundleOptions(entry: string, platform: "linux" | "win32" = "linux"): BuildOptions {
  return {
    absWorkingDir: ROOT,
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    external: ["koffi"],
    // On Windows koffi is another (`scripts/pack/windows.ts`), and what takes long is not Node.
    plugins: [NODE_STREAMS, ...(platform === "linux" ? [lazyModules] : [])],
    inject: [join(ROOT, "scripts/build/performance.ts")],
    // What is for another platform is left out.
    // The colours that winston's own diagnostics have in development are, too.
    define: { "process.platform": JSON.stringify(platform), "process.env.NODE_ENV": `"production"` },
    legalComments: "none",
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "warning",
  };
}
