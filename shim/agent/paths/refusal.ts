/**
 * Why a path is not taken. Paths come from clients and from guests, so every way to refuse one has a code that
 * callers can tell apart and a row here that says what to do.
 */

export type PathRefusalCode =
  | "EMPTY"
  | "NUL"
  | "BAD_UNICODE"
  | "TOO_LONG"
  | "UNC"
  | "DEVICE_PATH"
  | "VERBATIM_DOT"
  | "ROOTED_NO_DRIVE"
  | "DRIVE_RELATIVE"
  | "URI"
  | "RELATIVE_NO_CWD"
  | "ESCAPES_ROOT"
  | "INVALID_CHAR"
  | "ALT_STREAM"
  | "TRAILING_DOT_SPACE"
  | "RESERVED_NAME"
  | "SEGMENT_TOO_LONG"
  | "SHORT_NAME_UNRESOLVED"
  | "CASE_COLLISION"
  | "ABSOLUTE"
  | "BACKSLASH"
  | "EMPTY_SEGMENT"
  | "DOT_SEGMENT"
  | "TOO_DEEP";

interface RefusalRow {
  /** What is wrong, to be read after "it" or "its component". */
  readonly state: string;
  /** What a person can do. */
  readonly advice: string;
}

/** Stable codes: retired ones are not used again. */
export const PATH_REFUSALS: Readonly<Record<PathRefusalCode, RefusalRow>> = {
  EMPTY: { state: "is empty or no text", advice: "name a file" },
  NUL: { state: "contains U+0000, at which Windows would cut it off", advice: "remove the character" },
  BAD_UNICODE: {
    state: "is not well-formed Unicode, so it has no UTF-8 form",
    advice: "rename the file",
  },
  TOO_LONG: { state: "is longer than paths may be", advice: "move the files nearer to the root" },
  UNC: {
    state: "is on a network share, and merely looking there sends the user's credentials along",
    advice: "copy the files to a local disk",
  },
  DEVICE_PATH: {
    state: "is in the namespace of devices",
    advice: "name the file by its drive letter",
  },
  VERBATIM_DOT: {
    state: "contains . or .. after \\\\?\\, where Windows takes them for names of files",
    advice: "resolve them first or leave the prefix out",
  },
  ROOTED_NO_DRIVE: {
    state: "has no drive, so it depends on which one is current",
    advice: "put the drive letter in front",
  },
  DRIVE_RELATIVE: {
    state: "is relative to the current directory of a drive",
    advice: "put a backslash behind the drive letter",
  },
  URI: { state: "is a URI", advice: "name the file by its path" },
  RELATIVE_NO_CWD: {
    state: "is relative, and there is no working directory it could be relative to",
    advice: "give an absolute path",
  },
  ESCAPES_ROOT: { state: "leads above its root", advice: "remove .. components" },
  INVALID_CHAR: {
    state:
      'contains a character that names may not have on Windows (a control character or one of < > " | ? *)',
    advice: "rename the file",
  },
  ALT_STREAM: {
    state: "contains a colon, which on Windows names a stream of a file",
    advice: "rename the file, or name the file itself",
  },
  TRAILING_DOT_SPACE: {
    state: "ends in a dot or a space, which Windows would drop",
    advice: "rename the file",
  },
  RESERVED_NAME: { state: "is the name of a device on Windows", advice: "rename the file" },
  SEGMENT_TOO_LONG: { state: "is longer than 255 UTF-16 units", advice: "shorten the name" },
  SHORT_NAME_UNRESOLVED: {
    state: "looks like a short (8.3) name, and its long name is not known",
    advice: "use the long name",
  },
  CASE_COLLISION: {
    state: "differs from another path by nothing but the case of letters, and their contents differ",
    advice: "rename one of the files",
  },
  ABSOLUTE: { state: "is absolute", advice: "make it relative to the job's directory" },
  BACKSLASH: { state: "contains a backslash", advice: "separate components by /" },
  EMPTY_SEGMENT: { state: "has an empty component", advice: "separate components by one / and end in none" },
  DOT_SEGMENT: { state: "has a component . or ..", advice: "resolve it before sending" },
  TOO_DEEP: { state: "has more than 64 components", advice: "move the files nearer to the root" },
};

/** What role a path has in a message. */
export type PathSubject = "host path" | "project root" | "working directory" | "wire path" | "staging root";

export interface PathRefusalInit {
  readonly code: PathRefusalCode;
  readonly subject: PathSubject;
  /** As it came in. */
  readonly path: unknown;
  /** The component at fault, where it is one. */
  readonly component?: string;
  /** The other one of two paths that contradict each other. */
  readonly other?: string;
  readonly cause?: unknown;
}

/** A path that is not taken. */
export class PathRefusal extends Error {
  override readonly name = "PathRefusal";
  readonly code: PathRefusalCode;
  readonly subject: PathSubject;
  readonly path: unknown;

  constructor(init: PathRefusalInit) {
    const { state, advice } = PATH_REFUSALS[init.code];
    const what = init.component === undefined ? "it" : `its component ${quote(init.component)}`;
    const found =
      init.other === undefined ? quote(init.path) : `${quote(init.path)} and ${quote(init.other)}`;
    super(
      `cannot use ${init.subject}: ${what} ${state}; ${advice} (found ${found})`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.code = init.code;
    this.subject = init.subject;
    this.path = init.path;
  }
}

const LONGEST_QUOTE = 240;

/**
 * What does not print, or would break a log line or turn its direction, is shown by its number. Backslashes stay single:
 * a path is to be recognised.
 */
function quote(value: unknown): string {
  if (typeof value !== "string") return typeof value;
  const text = value.length <= LONGEST_QUOTE ? value : `${value.slice(0, LONGEST_QUOTE)}…`;
  const shown = text.replace(
    /[\p{C}\p{Zl}\p{Zp}"]/gu,
    (character) => `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`,
  );
  return `"${shown}"`;
}
