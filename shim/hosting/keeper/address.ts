/**
 * Where the keeper of a node listens. The launcher (`launcher/launcher.c`) computes the same, so there is nothing in it that
 * would have to be parsed: one keeper for each node file, whose options it follows.
 */

/** Only its owner may enter it. */
export const KEEPER_DIRECTORY = "/run/runhcs-keeper";

const PIPE_PREFIX = "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\runhcs-keeper-";

/** FNV-1a, 64 bits, of the UTF-8 text, in hexadecimal: short enough to be written twice, here and in C. */
function digest(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text, "utf8"))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

/** @param environment `RUNHCS_CONFIG` names the node file; without it, the platform's place does */
export function keeperAddress(
  environment: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): string {
  const name = digest(environment["RUNHCS_CONFIG"] ?? "");
  return platform === "win32" ? `${PIPE_PREFIX}${name}` : `${KEEPER_DIRECTORY}/${name}`;
}
