/**
 * What starts an executable: a shell, because Node reads some variables before any program can say no. To Node each line is a
 * string and a comment.
 */
import { MALLOC_VARIABLES } from "../../shim/bootstrap/daemon.ts";
import { STAY_VARIABLE } from "../../shim/bootstrap/stay.ts";

/** Reading certificates takes longer than all of `start`; flags for other Node programs would make something else of it. */
const UNSET = "unset NODE_EXTRA_CA_CERTS NODE_OPTIONS";

const NODE = `node --no-warnings "$0" "$@"`;

const VARIABLES = Object.entries({ ...MALLOC_VARIABLES, [STAY_VARIABLE]: "1" })
  .map(([name, value]) => `${name}=${value}`)
  .join(" ");

/**
 * `start` runs in the background, in a session of its own, and goes on as the pod's process when it has closed its output
 * (`shim/bootstrap/stay.ts`). It prints an address, or why there is none on standard error, and nothing else. Its input has to be
 * given by another number: what a shell runs in the background reads nothing.
 */
const SHIM: readonly string[] = [
  `${UNSET}; action=; for action do :; done`,
  `[ "$action" = start ] || exec ${NODE}`,
  `{ command exec 3<&0; } 2>/dev/null || exec 3</dev/null`,
  `address=$(${VARIABLES} exec setsid ${NODE} <&3 3<&- &)`,
  `[ -n "$address" ] || exit 1; printf %s "$address"; exit`,
];

const PLAIN: readonly string[] = [`${UNSET}; exec ${NODE}`];

/** @param isShim the program answers `start` */
export function wrapper({ isShim }: { readonly isShim: boolean }): string {
  const lines = isShim ? SHIM : PLAIN;
  return ["#!/bin/sh", ...lines.map((line) => `":" //; ${line}`), ""].join("\n");
}
