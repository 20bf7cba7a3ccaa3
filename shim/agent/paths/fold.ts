/**
 * Letter case in paths.
 */

/**
 * The text with A–Z as a–z and everything else as it was.
 *
 * Not `toLowerCase()`: that changes `İ`, `Ä` and the Kelvin sign, sometimes the length, and with the version of Unicode;
 * a key must be the same on every machine.
 */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
