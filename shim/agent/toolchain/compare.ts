/**
 * Whether the compiler of a host and that of an image are the same: where a host preprocesses what an image compiles, results
 * can be shared only then.
 */

export const TOOLCHAIN_FAMILIES = ["gcc", "clang", "msvc", "clang-cl"] as const;

export interface Toolchain {
  readonly family: (typeof TOOLCHAIN_FAMILIES)[number];
  /** Who built it: empty for the project itself; another vendor's is another compiler. */
  readonly vendor: string;
  readonly version: string;
  /** As the compiler says it. */
  readonly target: string;
}

export const VERDICTS = [
  "match",
  "patch-skew",
  "minor-skew",
  "major-skew",
  "family-mismatch",
  "unknown",
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What is done about anything but a match. */
export type ParityPolicy = "off" | "warn" | "refuse";

export interface Comparison {
  readonly verdict: Verdict;
  /** For people, with both versions. */
  readonly message: string;
  /** The image has a label that says something else than its compiler does. */
  readonly mislabelled?: string;
}

/** How many parts of a version count: the fourth of Microsoft's is compared where both have it. */
const PARTS: Readonly<Record<Toolchain["family"], number>> = { gcc: 3, clang: 3, "clang-cl": 3, msvc: 4 };

export function compareToolchains(host: Toolchain | undefined, image: Toolchain | undefined): Comparison {
  const verdict = verdictOf(host, image);
  const message = `host ${describe(host)}, image ${describe(image)}: ${verdict}`;
  return { verdict, message };
}

function verdictOf(host: Toolchain | undefined, image: Toolchain | undefined): Verdict {
  if (host === undefined || image === undefined) return "unknown";
  const isSameKind =
    host.family === image.family &&
    host.vendor === image.vendor &&
    normalTarget(host.target) === normalTarget(image.target);
  if (!isSameKind) return "family-mismatch";
  const [one, other] = [partsOf(host), partsOf(image)];
  const count = Math.min(PARTS[host.family], Math.max(3, Math.min(one.length, other.length)));
  for (let index = 0; index < count; index += 1) {
    if ((one[index] ?? 0) === (other[index] ?? 0)) continue;
    return index === 0 ? "major-skew" : index === 1 ? "minor-skew" : "patch-skew";
  }
  return "match";
}

function partsOf({ version }: Toolchain): number[] {
  return version.split(".").map(Number);
}

const TARGET_ALIASES: Readonly<Record<string, string>> = { x64: "x86_64", amd64: "x86_64", arm64: "aarch64" };

/** `x86_64-linux-gnu` and `x86_64-pc-linux-gnu` are one. */
function normalTarget(target: string): string {
  const [machine = "", ...rest] = target.toLowerCase().split("-");
  const system = rest.filter((part) => part !== "pc" && part !== "unknown" && part !== "none");
  return [TARGET_ALIASES[machine] ?? machine, ...system].join("-");
}

export function describe(toolchain: Toolchain | undefined): string {
  if (toolchain === undefined) return "has no compiler that says what it is";
  const { family, vendor, version, target } = toolchain;
  return `has ${vendor === "" ? "" : `${vendor} `}${family} ${version} for ${target}`;
}
