/**
 * States of a utility VM as data. A state changes in one place (`Uvm`), and what is not in the table cannot happen.
 *
 * ```
 * created ──start──► starting ──connected──► running ──close──► closing ──gone──► closed
 *    └──────────────────┴────────────────────────┴──── lost ───────────────────────┘
 * ```
 */

/**
 * - `created`: the compute system exists
 * - `starting`: booting until the guest is connected and has negotiated
 * - `running`
 * - `closing`: terminated by us, its end is awaited
 * - `lost`: it, or the connection to its guest, ended by itself
 * - `closed`: gone, everything released
 */
export type UvmState = "created" | "starting" | "running" | "closing" | "lost" | "closed";

export const UVM_STATES: readonly UvmState[] = [
  "created",
  "starting",
  "running",
  "closing",
  "lost",
  "closed",
];

export type UvmEvent = "start" | "connected" | "close" | "lose" | "gone";

export const UVM_TRANSITIONS: Readonly<Record<UvmState, Readonly<Partial<Record<UvmEvent, UvmState>>>>> = {
  created: { start: "starting", close: "closing", lose: "lost" },
  starting: { connected: "running", close: "closing", lose: "lost" },
  running: { close: "closing", lose: "lost" },
  // Its end is what was asked for; how it came does not matter any more.
  closing: { lose: "closing", gone: "closed", close: "closing" },
  lost: { close: "closing", lose: "lost", gone: "closed" },
  closed: { close: "closed", lose: "closed", gone: "closed" },
};

/** @throws {TypeError} when the event cannot happen in the state: a defect of the caller */
export function nextUvmState(state: UvmState, event: UvmEvent): UvmState {
  const next = UVM_TRANSITIONS[state][event];
  if (next === undefined)
    throw new TypeError(`uvm state machine: event ${event} cannot happen in state ${state}`);
  return next;
}

/** Words for a state in errors. */
export const UVM_STATE_WORDS: Readonly<Record<UvmState, string>> = {
  created: "created, not started",
  starting: "starting",
  running: "running",
  closing: "being closed",
  lost: "lost",
  closed: "closed",
};
