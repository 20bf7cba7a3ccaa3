/** Arguments in one text, as containerv's users write them. New programs give lists. */
import { ClientError } from "../errors.ts";

/**
 * Splits at blanks; what stands between two quotes is not split, and there are no escapes. `""` is an empty argument.
 *
 * @throws {ClientError} InvalidArgument when a quote is not closed
 *
 * @example
 * splitArguments('run "two words" a"b c"'); // ["run", "two words", "ab c"]
 */
export function splitArguments(text: string): string[] {
  const args: string[] = [];
  let current: string | undefined;
  let quoted = false;
  for (const character of text) {
    if (character === '"') {
      quoted = !quoted;
      current ??= "";
    } else if (character === " " && !quoted) {
      if (current !== undefined) args.push(current);
      current = undefined;
    } else current = (current ?? "") + character;
  }
  if (quoted)
    throw new ClientError(
      "InvalidArgument",
      `invalid arguments: a quote is not closed in ${JSON.stringify(text)}`,
    );
  if (current !== undefined) args.push(current);
  return args;
}
