/**
 * Scripted faults: what goes wrong, at which call. For tests of those who use the emulator, and for trying out by
 * hand how a node reacts; without a script nothing here does anything.
 *
 * A script is a list of rules. In the environment variable `RUNHCS_EMULATOR_FAULTS` it is JSON:
 *
 * ```json
 * [
 *   {"operation": "start", "target": "pod1@vm", "fail": "0x80370109", "detail": "the guest never answered"},
 *   {"operation": "modify", "nth": 2, "delayUntil": "/tmp/go"},
 *   {"operation": "hvSocket.accept", "target": "*40000000-facb-11e6-bd58-64006a7986d3", "crash": true},
 *   {"operation": "properties", "nth": 3, "disconnect": "40000000-facb-11e6-bd58-64006a7986d3"},
 *   {"operation": "exit", "withhold": true}
 * ]
 * ```
 *
 * `operation` is one of {@link FAULT_OPERATIONS}. `target` is what the operation acts on (a system id, a directory, a
 * path, `<vm id>/<service id>`), with `*` for any text; without it any target. `nth` counts the matching calls from 1;
 * without it the rule applies to all of them. Exactly one action:
 *
 * - `fail`: the call fails with this HRESULT before it does anything (`detail`: what the platform says about it);
 * - `delayUntil`: the call waits until this file exists;
 * - `crash`: the VM is killed as by a fault of its own, then the call goes on (a call that has no VM: all VMs to which
 *   this process has a handle);
 * - `disconnect`: the VM's connections to this service id are reset, then the call goes on;
 * - `withhold`: the notification is never delivered (operation `exit` only).
 */
import { existsSync } from "node:fs";
import { HcsError } from "../errors.ts";
import { hresultFromWin32 } from "../hresult.ts";
import { until } from "./wait.ts";

/** Where a fault can be put: every operation of the port, the steps of `create`, and the exit notification. */
export const FAULT_OPERATIONS = [
  "host",
  "serviceProperties",
  "modifyService",
  "create",
  "create.claim",
  "create.cgroups",
  "create.sockets",
  "create.shares",
  "create.spawn",
  "create.ready",
  "open",
  "enumerate",
  "start",
  "shutdown",
  "terminate",
  "pause",
  "resume",
  "pauseHosted",
  "resumeHosted",
  "modify",
  "properties",
  "storage.mount",
  "storage.unmount",
  "storage.grantVmAccess",
  "storage.grantVmGroupAccess",
  "files.stat",
  "files.finalPath",
  "files.answersFileIds",
  "files.readFile",
  "files.makeDirectory",
  "files.copyFile",
  "files.remove",
  "files.makeTemporaryDirectory",
  "files.makeLink",
  "layers.createScratch",
  "layers.activate",
  "layers.prepare",
  "layers.mountPath",
  "layers.unprepare",
  "layers.deactivate",
  "layers.attachOverlayFilter",
  "layers.detachOverlayFilter",
  "layers.mountCim",
  "layers.dismountCim",
  "layers.setVirtualDiskIdentifier",
  "layers.setVolumeMountPoint",
  "layers.deleteVolumeMountPoint",
  "jobs.create",
  "jobs.open",
  "jobs.logonUser",
  "jobs.accounts",
  "createProcess",
  "openProcess",
  "network.openNamespace",
  "hvSocket.listen",
  "hvSocket.accept",
  "hvSocket.connect",
  "hvSocket.registerContainer",
  "exit",
] as const;

export type FaultOperation = (typeof FAULT_OPERATIONS)[number];

export type FaultAction =
  | { readonly kind: "fail"; readonly hresult: number; readonly detail?: string }
  | { readonly kind: "delay"; readonly until: (signal: AbortSignal | undefined) => Promise<void> }
  | { readonly kind: "crash" }
  | { readonly kind: "disconnect"; readonly serviceId: string }
  | { readonly kind: "withhold" };

export interface FaultRule {
  readonly operation: FaultOperation;
  readonly target?: string;
  readonly nth?: number;
  readonly action: FaultAction;
}

/** What an action can act on at the place where it applies. */
export interface FaultScope {
  readonly target?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  crash(): void;
  disconnect(serviceId: string): void;
}

/** Holds the rules and counts the calls. */
export class FaultScript {
  readonly #rules: readonly (FaultRule & { readonly pattern: RegExp })[];
  readonly #seen = new Map<FaultRule, number>();

  constructor(rules: readonly FaultRule[]) {
    this.#rules = rules.map((rule) => ({ ...rule, pattern: globPattern(rule.target ?? "*") }));
  }

  /** Applies the rules for a call that is about to be made. Rejects when one says that the call fails. */
  async before(operation: FaultOperation, scope: FaultScope): Promise<void> {
    for (const action of this.#due(operation, scope.target)) {
      switch (action.kind) {
        case "fail":
          throw new HcsError({
            operation: `perform ${operation} on`,
            target: scope.target ?? "the emulator",
            hresult: action.hresult,
            detail: action.detail ?? "scripted fault",
          });
        case "delay":
          await action.until(scope.signal);
          break;
        case "crash":
          scope.crash();
          break;
        case "disconnect":
          scope.disconnect(action.serviceId);
          break;
        case "withhold":
          break;
      }
    }
  }

  /** True when the exit notification of system `id` is not to be delivered. */
  withholdsExit(id: string): boolean {
    return this.#due("exit", id).some(({ kind }) => kind === "withhold");
  }

  #due(operation: FaultOperation, target = ""): FaultAction[] {
    const due: FaultAction[] = [];
    for (const rule of this.#rules) {
      if (rule.operation !== operation || !rule.pattern.test(target)) continue;
      const count = (this.#seen.get(rule) ?? 0) + 1;
      this.#seen.set(rule, count);
      if (rule.nth === undefined || rule.nth === count) due.push(rule.action);
    }
    return due;
  }
}

function globPattern(glob: string): RegExp {
  return new RegExp(`^${glob.split("*").map(escapeRegExp).join(".*")}$`, "s");
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Reads the JSON form of a script. Throws with the rule and member that are wrong. */
export function parseFaults(json: string): FaultRule[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Error("cannot read fault script: invalid JSON", { cause: error });
  }
  if (!Array.isArray(value)) throw new Error("cannot read fault script: it is not a list");
  return value.map(parseRule);
}

/** The action that each member of a rule asks for. */
const ACTIONS: Readonly<
  Record<string, (value: unknown, rule: Record<string, unknown>) => FaultAction | undefined>
> = {
  fail: (value, { detail }) => {
    const hresult =
      typeof value === "number" ? value : typeof value === "string" ? Number(value) : Number.NaN;
    if (!Number.isInteger(hresult) || hresult === 0) return undefined;
    const code = hresult > 0 && hresult <= 0xffff ? hresultFromWin32(hresult) : hresult >>> 0;
    return { kind: "fail", hresult: code, ...(typeof detail === "string" ? { detail } : {}) };
  },
  delayUntil: (value) =>
    typeof value === "string" ? { kind: "delay", until: (signal) => fileExists(value, signal) } : undefined,
  crash: (value) => (value === true ? { kind: "crash" } : undefined),
  disconnect: (value) => (typeof value === "string" ? { kind: "disconnect", serviceId: value } : undefined),
  withhold: (value, { operation }) =>
    value === true && operation === "exit" ? { kind: "withhold" } : undefined,
};

const OTHER_MEMBERS: readonly string[] = ["operation", "target", "nth", "detail"];

function parseRule(value: unknown, index: number): FaultRule {
  const fail = (what: string): never => {
    throw new Error(`cannot read fault script: rule ${index}: ${what}`);
  };
  if (typeof value !== "object" || value === null) return fail("it is not an object");
  const rule = value as Record<string, unknown>;
  const unknown = Object.keys(rule).find(
    (name) => !OTHER_MEMBERS.includes(name) && !Object.hasOwn(ACTIONS, name),
  );
  if (unknown !== undefined) fail(`unknown member ${JSON.stringify(unknown)}`);
  const operation = FAULT_OPERATIONS.find((name) => name === rule["operation"]);
  if (operation === undefined) return fail(`unknown operation ${JSON.stringify(rule["operation"])}`);
  const { target, nth } = rule;
  if (target !== undefined && typeof target !== "string") return fail("target is not a string");
  if (nth !== undefined && !(typeof nth === "number" && Number.isInteger(nth) && nth > 0)) {
    return fail("nth is not a positive whole number");
  }
  const [name, ...others] = Object.keys(rule).filter((member) => Object.hasOwn(ACTIONS, member));
  if (name === undefined || others.length > 0) {
    return fail(`needs exactly one of ${Object.keys(ACTIONS).join(", ")}`);
  }
  const action = ACTIONS[name]?.(rule[name], rule);
  if (action === undefined)
    return fail(`cannot use ${name} ${JSON.stringify(rule[name])} at operation ${operation}`);
  return {
    operation,
    action,
    ...(target === undefined ? {} : { target }),
    ...(nth === undefined ? {} : { nth }),
  };
}

async function fileExists(path: string, signal: AbortSignal | undefined): Promise<void> {
  await until(() => existsSync(path), { what: `file "${path}" exists`, signal });
}
