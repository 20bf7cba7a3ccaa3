/** Splits a command line as a shell would, without expansions: blanks separate, quotes and backslashes protect. */

export function splitShellWords(commandLine: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let index = 0; index < commandLine.length; index += 1) {
    const character = commandLine.charAt(index);
    if (quote === "'") {
      if (character === "'") quote = undefined;
      else word += character;
    } else if (character === "\\" && index + 1 < commandLine.length) {
      index += 1;
      const escaped = commandLine.charAt(index);
      // Between double quotes a backslash protects only what would be special there.
      word = (word ?? "") + (quote === '"' && !'"\\$`'.includes(escaped) ? `\\${escaped}` : escaped);
    } else if (quote === '"') {
      if (character === '"') quote = undefined;
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== undefined) throw new SyntaxError(`unclosed ${quote === "'" ? "single" : "double"} quote`);
  if (word !== undefined) words.push(word);
  return words;
}
