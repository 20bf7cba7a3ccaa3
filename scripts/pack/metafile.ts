/** Which packages went into a bundle. */
import type { Metafile } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../build/bundle.ts";

/** A package of which something is shipped. */
export interface ShippedPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** Where its licence text is. */
  readonly licenseDirectory: string;
  /** As in the lockfile. */
  readonly integrity?: string;
}

/** Packages whose sources are in one of these bundles, each once, by name. */
export function packagesIn(metafiles: readonly Metafile[]): ShippedPackage[] {
  const directories = metafiles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(directories)].sort().map((path) => readPackage(join(ROOT, path)));
}

const LOCKED: Readonly<Record<string, { readonly integrity?: string }>> = (
  JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
  }
).packages;

/** @param integrity of a package that is not in `node_modules`, and so not found by its path */
export function readPackage(
  directory: string,
  integrity: string | undefined = LOCKED[directory.slice(ROOT.length + 1)]?.integrity,
): ShippedPackage {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const { name, version, license } = manifest;
  if (license === undefined)
    throw new Error(`cannot ship ${name}@${version}: its package.json names no license`);
  return {
    name,
    version,
    license,
    licenseDirectory: directory,
    ...(integrity === undefined ? {} : { integrity }),
  };
}
