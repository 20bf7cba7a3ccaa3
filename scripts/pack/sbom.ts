/** Bill of materials in CycloneDX 1.6 (JSON). The same inputs give the same bytes: no time, no random number. */
import { createHash } from "node:crypto";
import type { ShippedPackage } from "./metafile.ts";

export interface SbomInput {
  readonly product: string;
  readonly version: string;
  readonly license: string;
  readonly packages: readonly ShippedPackage[];
  /** Files of the package by their paths, but for the bill itself. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface Component {
  readonly type: string;
  readonly "bom-ref": string;
  readonly name: string;
  readonly version?: string;
  readonly licenses?: readonly object[];
  readonly hashes?: readonly object[];
  readonly purl?: string;
}

export function softwareBillOfMaterials(input: SbomInput): string {
  const product = `pkg:npm/${input.product}@${input.version}`;
  const packages = input.packages.map(packageComponent);
  const files = [...input.files].map(fileComponent);
  const body = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": product,
        name: input.product,
        version: input.version,
        licenses: licenses(input.license),
        purl: product,
      },
    },
    components: [...packages, ...files],
    dependencies: [{ ref: product, dependsOn: packages.map((component) => component["bom-ref"]) }],
  };
  return `${JSON.stringify({ ...body, serialNumber: serialNumber(JSON.stringify(body)) }, undefined, 2)}\n`;
}

function packageComponent({ name, version, license, integrity }: ShippedPackage): Component {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    licenses: licenses(license),
    ...(integrity === undefined ? {} : { hashes: [fromIntegrity(integrity)] }),
    purl,
  };
}

function fileComponent([path, bytes]: readonly [string, Uint8Array]): Component {
  const content = createHash("sha256").update(bytes).digest("hex");
  return {
    type: "file",
    "bom-ref": `file:${path}`,
    name: path,
    hashes: [{ alg: "SHA-256", content }],
  };
}

function licenses(expression: string): object[] {
  return /[ (]/.test(expression) ? [{ expression }] : [{ license: { id: expression } }];
}

/** Of an npm archive: `sha512-<base64>`. */
function fromIntegrity(integrity: string): object {
  return {
    alg: "SHA-512",
    content: Buffer.from(integrity.slice(integrity.indexOf("-") + 1), "base64").toString("hex"),
  };
}

/** A UUID made of the content (RFC 9562, version 8). */
function serialNumber(content: string): string {
  const bytes = createHash("sha256").update(content).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `urn:uuid:${groups.join("-")}`;
}
