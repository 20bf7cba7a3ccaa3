/** What is packed, and what every package has. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../build/bundle.ts";
import type { ShippedPackage } from "./metafile.ts";
import { thirdPartyNotices } from "./notices.ts";
import { softwareBillOfMaterials } from "./sbom.ts";

/** A package before it has its papers. */
export interface PackageContents {
  /** By path, with slashes. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Whose software is in them. */
  readonly packages: readonly ShippedPackage[];
}

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description: string;
};

export const PRODUCT: typeof manifest = manifest;

/** Adds licences, bill of materials and checksums. Files are in the order of their paths. */
export function withPapers({ files, packages }: PackageContents): Map<string, Uint8Array> {
  const all = new Map(files);
  all.set("LICENSE", readFileSync(join(ROOT, "LICENSE")));
  all.set("THIRD-PARTY-NOTICES.txt", Buffer.from(thirdPartyNotices(packages)));
  const { name: product, version, license } = PRODUCT;
  const bill = softwareBillOfMaterials({ product, version, license, packages, files: sorted(all) });
  all.set("sbom.cdx.json", Buffer.from(bill));
  all.set("SHA256SUMS", Buffer.from(checksums(sorted(all))));
  return sorted(all);
}

/** As `sha256sum` writes and checks them. */
export function checksums(files: ReadonlyMap<string, Uint8Array>): string {
  return [...files]
    .map(([path, bytes]) => `${createHash("sha256").update(bytes).digest("hex")}  ${path}\n`)
    .join("");
}

function sorted(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}
