/** Gets everything the Wine rig needs: programs, the Windows build of Node and of the FFI package, a prefix, the stand-in DLLs. */
import { join } from "node:path";
import { fetchNpmPackage, lockedPackage, NODE_FOR_WINDOWS } from "../setup/npm-package.ts";
import { WINE_REQUIREMENTS } from "../setup/requirements.ts";
import { setUpMachine } from "../setup/setup.ts";
import type { Reporter } from "../terminal/reporter.ts";
import { buildStandIns } from "./stand-ins.ts";
import { makeTemplatePrefix } from "./template-prefix.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
/** The FFI package's native module for Windows. */
export const FFI_FOR_WINDOWS = "@koromix/koffi-win32-x64";

/** What there is then. Does nothing where nothing is missing. */
export interface WineTools {
  /** Folder of the npm package with `bin/node.exe`. */
  readonly node: string;
  /** Folder of the npm package {@link FFI_FOR_WINDOWS}. */
  readonly ffi: string;
  /** A prefix to copy. */
  readonly prefix: string;
  /** Folder with the stand-in DLLs. */
  readonly standIns: string;
}

export async function prepareWine(reporter: Reporter): Promise<WineTools> {
  await setUpMachine(reporter, WINE_REQUIREMENTS);
  return reporter.step("prepare wine", async (update) => ({
    node: await fetchNpmPackage(NODE_FOR_WINDOWS, update),
    ffi: await fetchNpmPackage(lockedPackage(FFI_FOR_WINDOWS, REPOSITORY), update),
    prefix: await makeTemplatePrefix(update),
    standIns: await buildStandIns(update),
  }));
}
