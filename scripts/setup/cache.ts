/** Where what was fetched is kept between runs. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** The cache directory: `RUNHCS_CACHE_DIRECTORY`, else the user's (XDG base directory specification). Not created here. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["RUNHCS_CACHE_DIRECTORY"];
  if (own !== undefined && own !== "") {
    if (!isAbsolute(own))
      throw new Error(`cannot use RUNHCS_CACHE_DIRECTORY "${own}": it is not an absolute path`);
    return own;
  }
  const xdg = environment["XDG_CACHE_HOME"];
  // The specification has relative paths ignored.
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");
  return join(base, "containerd-shim-runhcs");
}
