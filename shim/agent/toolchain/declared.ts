/** What an image says of its compilers, in a label. */
import { isObject } from "../../../oci/json.ts";
import { messageOf } from "../../errors.ts";
import { AgentError } from "../protocol/errors.ts";
import { TOOLCHAIN_FAMILIES, type Toolchain } from "./compare.ts";

/** Value: JSON `[{"family":"msvc","version":"19.38.33135","target":"x64"}]`, `vendor` where it is not the project itself. */
export const TOOLCHAIN_LABEL = "io.containerd.runhcs.toolchain";

/** @returns none without the label @throws {AgentError} invalid argument, for a label that cannot be read */
export function declaredToolchains(labels: Readonly<Record<string, string>>): readonly Toolchain[] {
  const text = labels[TOOLCHAIN_LABEL];
  if (text === undefined) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(messageOf(cause), text, cause);
  }
  if (!Array.isArray(value)) throw unreadable("it is no list", text);
  return value.map((entry: unknown, index) => {
    const { family, vendor = "", version, target } = isObject(entry) ? entry : {};
    const known = TOOLCHAIN_FAMILIES.find((each) => each === family);
    if (known === undefined)
      throw unreadable(`[${index}].family must be one of ${TOOLCHAIN_FAMILIES.join(", ")}`, text);
    if (typeof version !== "string" || !/^\d+(?:\.\d+)*$/.test(version))
      throw unreadable(`[${index}].version must be numbers with dots`, text);
    if (typeof target !== "string" || typeof vendor !== "string")
      throw unreadable(`[${index}].target and .vendor must be texts`, text);
    return { family: known, vendor, version, target };
  });
}

function unreadable(why: string, text: string, cause?: unknown): AgentError {
  return new AgentError(
    "invalid argument",
    `cannot read image label ${TOOLCHAIN_LABEL}: ${why} (found ${JSON.stringify(text.slice(0, 200))})`,
    { cause },
  );
}
