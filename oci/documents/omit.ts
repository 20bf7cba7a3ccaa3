/** Documents say nothing by leaving it out: absence and zero mean the same to HCS, and guests may refuse the latter. */

/** What `T` is after {@link withoutZero}: any member may be missing, none is undefined. */
type Compact<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> } & {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
};

/**
 * A copy without members that are undefined, 0, false, or an empty text or list. An empty object stays: it says that a
 * thing is there. Nested objects are left as they are. Members that are never zero keep their type.
 */
export function withoutZero<T extends object>(members: T): Compact<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isZero(value))) as Compact<T>;
}

function isZero(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

/** The object, or undefined when it has no members. */
export function unlessEmpty<T extends object>(members: T): T | undefined {
  return Object.keys(members).length === 0 ? undefined : members;
}
