/** What every program of `dist/` begins with: runs the program's bundle (`shim/bootstrap/program.ts`). */
import { join } from "node:path";
import { loadBundle, type Program } from "../bootstrap/program.ts";

/** The bundle, relative to the program: put in by the build. */
declare const BUNDLE: string;
declare const __dirname: string;

(loadBundle(join(__dirname, BUNDLE)) as Partial<Program<never>>).main?.();
