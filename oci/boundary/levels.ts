/** How much of a file system may cross into a VM. */

/** From the weakest to the strongest. */
export const BOUNDARY_LEVELS = ["shared", "no-data-smb", "strict"] as const;

export type BoundaryLevel = (typeof BOUNDARY_LEVELS)[number];

export function strongerLevel(one: BoundaryLevel, other: BoundaryLevel): BoundaryLevel {
  return BOUNDARY_LEVELS.indexOf(one) >= BOUNDARY_LEVELS.indexOf(other) ? one : other;
}
