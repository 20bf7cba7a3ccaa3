/** TOML, by the library, which is loaded only where there is some. */
import { OptionError } from "./own.ts";

/** @param where file name or origin, for the error */
export async function parseToml(text: string, where: string): Promise<Record<string, unknown>> {
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (cause) {
    const sentence = (cause as Error).message.replaceAll(/\s+/g, " ").trim();
    throw new OptionError(`cannot read ${where}: ${sentence}`, { cause });
  }
}
