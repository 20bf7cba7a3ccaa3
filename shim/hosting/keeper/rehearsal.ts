/**
 * Rehearses what the keeper is for: V8 compiles a function when it is called for the first time, and better once it has been
 * called some dozens of times. Whoever waits for a `start` waits for none of that.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUNDLE_FILE } from "../../bootstrap/bundle.ts";
import { askKeeper } from "./ask.ts";

/** By then nothing gets faster any more (docs/performance.md). */
const ROUNDS = 30;

/** A bundle that is nobody's. */
interface RehearsedBundle extends Disposable {
  readonly path: string;
}

/** @param address of the keeper: the bundle is beside its socket, where nobody else may enter, and replaces an earlier one */
export function makeRehearsedBundle(address: string): RehearsedBundle {
  const path = `${address}.rehearsal`;
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, BUNDLE_FILE.config), JSON.stringify({ ociVersion: "1.0.2", linux: {} }));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * Asks the keeper at `address` to start and to delete the pod of `bundle`, as containerd would, again and again.
 *
 * @param installation of the keeper
 */
export async function rehearseKeeper(address: string, installation: string, bundle: string): Promise<void> {
  const flags = ["-namespace", "keeper", "-address", "none", "-publish-binary", "none", "-id", "rehearsal"];
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const ask = (args: readonly string[]): Promise<unknown> =>
    askKeeper(address, { installation, workingDirectory: bundle, args, environment, stdin: Buffer.alloc(0) });
  for (let round = 0; round < ROUNDS; round += 1) {
    await ask([...flags, "start"]);
    await ask([...flags, "-bundle", bundle, "delete"]);
  }
}
