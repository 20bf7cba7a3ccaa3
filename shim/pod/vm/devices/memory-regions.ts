/**
 * Divides the address space of a persistent memory device: regions of 1 MiB · 4ⁿ up to all of it, split in four and
 * merged again, as the buddies of an allocator are. Offsets and sizes in bytes.
 */

const SMALLEST = 1024 ** 2;
const CLASSES = 7;

/** Bytes of a device. */
export const REGIONS_CAPACITY: number = sizeOf(CLASSES - 1);

export interface Region {
  readonly offset: number;
  readonly sizeClass: number;
}

export class MemoryRegions {
  /** Offsets of free regions, by size class. */
  readonly #free: Set<number>[] = Array.from({ length: CLASSES }, () => new Set<number>());

  constructor() {
    this.#free[CLASSES - 1]?.add(0);
  }

  /** The lowest region among the smallest that are large enough; undefined when there is none. */
  take(bytes: number): Region | undefined {
    const sizeClass = classOf(bytes);
    const from = this.#free.findIndex((offsets, each) => each >= sizeClass && offsets.size > 0);
    if (sizeClass < 0 || from < 0) return undefined;
    const offset = Math.min(...(this.#free[from] ?? []));
    this.#free[from]?.delete(offset);
    // What is split off stays free; the first quarter is divided on.
    for (let each = from - 1; each >= sizeClass; each--) {
      for (const buddy of [1, 2, 3]) this.#free[each]?.add(offset + buddy * sizeOf(each));
    }
    return { offset, sizeClass };
  }

  give({ offset, sizeClass }: Region): void {
    const free = this.#free[sizeClass];
    free?.add(offset);
    if (free === undefined || sizeClass === CLASSES - 1) return;
    const parent = offset - (offset % sizeOf(sizeClass + 1));
    const buddies = [0, 1, 2, 3].map((index) => parent + index * sizeOf(sizeClass));
    if (!buddies.every((buddy) => free.has(buddy))) return;
    for (const buddy of buddies) free.delete(buddy);
    this.give({ offset: parent, sizeClass: sizeClass + 1 });
  }
}

function sizeOf(sizeClass: number): number {
  return SMALLEST * 4 ** sizeClass;
}

/** The smallest class that holds so many bytes; -1 when none does. */
function classOf(bytes: number): number {
  for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) if (bytes <= sizeOf(sizeClass)) return sizeClass;
  return -1;
}
