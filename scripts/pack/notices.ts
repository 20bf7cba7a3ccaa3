/** The licences of everything in a package that is not ours, as they ask to be handed on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ShippedPackage } from "./metafile.ts";

const LICENSE_FILE = /^(?:licen[cs]e|copying|notice)/i;

/** Text of THIRD-PARTY-NOTICES.txt. */
export function thirdPartyNotices(packages: readonly ShippedPackage[]): string {
  const parts = packages.map((shipped) =>
    [`${shipped.name} ${shipped.version} (${shipped.license})`, RULE, ...licenseTexts(shipped)].join("\n\n"),
  );
  return [
    "This product contains the following software of others. Each part is under the licence named with it.",
    ...parts,
    "",
  ].join(`\n\n${RULE}\n`);
}

const RULE = "=".repeat(80);

function licenseTexts({ name, version, licenseDirectory }: ShippedPackage): string[] {
  const files = readdirSync(licenseDirectory)
    .filter((file) => LICENSE_FILE.test(file))
    .sort();
  if (files.length === 0) throw new Error(`cannot ship ${name}@${version}: it brings no licence text`);
  return files.map((file) =>
    readFileSync(join(licenseDirectory, file), "utf8").replaceAll("\r\n", "\n").trim(),
  );
}
