/**
 * What a single component of a path may be. The rules are those of Windows on every platform: a tree made on Linux must
 * be one that Windows can hold.
 */
import { foldCase } from "./fold.ts";
import type { PathRefusalCode } from "./refusal.ts";

/** In UTF-16 units: what NTFS stores. */
const LONGEST_COMPONENT = 255;

/** U+0000–001F, and what Windows uses as wildcards, redirections and quotes. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const INVALID_CHARACTER = /[\u0000-\u001f<>"|?*]/;

/** Windows reads the superscripts ¹ ² ³ as digits here. */
const PORT_DIGITS = [..."0123456789¹²³"];

/** In folded case. Windows takes them for devices in every folder, whatever their extension. */
const DEVICE_NAMES: ReadonlySet<string> = new Set([
  "con",
  "prn",
  "aux",
  "nul",
  "conin$",
  "conout$",
  ...PORT_DIGITS.map((digit) => `com${digit}`),
  ...PORT_DIGITS.map((digit) => `lpt${digit}`),
]);

/** In the order they are asked. */
const RULES: readonly { readonly code: PathRefusalCode; readonly broken: (component: string) => boolean }[] =
  [
    { code: "INVALID_CHAR", broken: (component) => INVALID_CHARACTER.test(component) },
    { code: "ALT_STREAM", broken: (component) => component.includes(":") },
    { code: "TRAILING_DOT_SPACE", broken: (component) => /[. ]$/.test(component) },
    { code: "RESERVED_NAME", broken: (component) => DEVICE_NAMES.has(deviceStem(component)) },
    { code: "SEGMENT_TOO_LONG", broken: (component) => component.length > LONGEST_COMPONENT },
  ];

/** The rule that a component breaks; undefined where it may be a name. It contains no separators. */
export function componentProblem(component: string): PathRefusalCode | undefined {
  return RULES.find(({ broken }) => broken(component))?.code;
}

/** Whether there is a half of a surrogate pair in the text: it has no UTF-8 form then. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Cs}/u.test(text);
}

/** Whether a component has the shape of a short (8.3) name: `PROGRA~1`, `AB12~3.TXT`. A long name may have it too. */
export function looksShort(component: string): boolean {
  const base = component.split(".", 1)[0] ?? "";
  return base.length <= 8 && /^[^.]{1,6}~[0-9]{1,6}(?:\.[^.]{0,3})?$/.test(component);
}

/** Windows looks for a device by the name before the first dot, without spaces behind it. */
function deviceStem(component: string): string {
  const base = component.split(".", 1)[0] ?? "";
  let end = base.length;
  while (base[end - 1] === " ") end -= 1;
  return foldCase(base.slice(0, end));
}
