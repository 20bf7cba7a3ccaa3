/** Documents without what nobody should read over a shoulder. */
import { isObject } from "../../oci/json.ts";

export const HIDDEN = "(hidden)";

/** Members whose texts are secrets, all of them. */
const SECRET = new Set([
  "credentialSpec",
  "CredentialSpec",
  "Credentials",
  "Cookie",
  "EncryptionKey",
  "encryptionKey",
  "Passphrase",
  "Password",
]);

/** Values of the registry. */
const REGISTRY_VALUES = new Set(["StringValue", "BinaryValue", "DWordValue", "QWordValue"]);

/** Environments as lists of NAME=VALUE. */
const ENVIRONMENT_LISTS = new Set(["env", "Environment", "environment"]);

/**
 * A copy with credentials, values of the environment and of the registry, and keys of encrypted layers hidden. Names stay.
 */
export function redacted(value: unknown, member = ""): unknown {
  if (SECRET.has(member) || REGISTRY_VALUES.has(member)) return HIDDEN;
  if (Array.isArray(value)) {
    return ENVIRONMENT_LISTS.has(member) ? value.map(hideValue) : value.map((element) => redacted(element));
  }
  if (!isObject(value)) return value;
  const hidesValues = member === "Environment";
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, hidesValues ? HIDDEN : redacted(inner, name)]),
  );
}

function hideValue(variable: unknown): unknown {
  if (typeof variable !== "string") return HIDDEN;
  const end = variable.indexOf("=");
  return end < 0 ? variable : `${variable.slice(0, end)}=${HIDDEN}`;
}
