/** How much load tests make: little unless a run is about that. */

export interface Load {
  readonly pods: number;
  readonly execs: number;
  /** Waits until memory has settled, which takes half a minute. */
  readonly looksAtMemory: boolean;
}

const LOADS = {
  short: { pods: 20, execs: 100, looksAtMemory: false },
  full: { pods: 50, execs: 10_000, looksAtMemory: true },
} as const satisfies Readonly<Record<string, Load>>;

/** @throws when `RUNHCS_TEST_LOAD` names no load */
export function loadUnderTest(environment: NodeJS.ProcessEnv = process.env): Load {
  const wanted = environment["RUNHCS_TEST_LOAD"] ?? "short";
  if (wanted === "short" || wanted === "full") return LOADS[wanted];
  throw new Error(`cannot test load "${wanted}": known are ${Object.keys(LOADS).join(" and ")}`);
}
