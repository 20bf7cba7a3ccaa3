/** How a list of arguments becomes the one string a Windows program is started with. */

/**
 * Joins arguments so that `CommandLineToArgvW` takes them apart again: quotes where there is a blank, backslashes
 * doubled in front of a quote.
 */
export function joinArguments(args: readonly string[]): string {
  return args.map(quoteArgument).join(" ");
}

function quoteArgument(argument: string): string {
  const quoted = argument === "" || /[ \t]/.test(argument);
  const escaped = argument.replaceAll(/(\\*)"/g, '$1$1\\"');
  if (!quoted) return escaped;
  // Backslashes at the end would stand in front of the closing quote.
  return `"${escaped.replace(/\\+$/, "$&$&")}"`;
}
