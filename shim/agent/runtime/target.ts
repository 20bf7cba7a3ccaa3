/** What a shim says about the agent of a task (`Agent` of its diagnostic service), read and checked. */
import { isObject } from "../../../oci/json.ts";
import { AgentError } from "../protocol/errors.ts";
import { BOUNDARY_LEVELS } from "../../../oci/boundary/levels.ts";
import type { AgentTarget } from "./hypervisor.ts";

/** @throws {AgentError} for a task without an agent, and for what is no such report */
export function agentTarget(report: unknown): AgentTarget {
  const { task, vm, agent, level, shares, emulated } = isObject(report) ? report : {};
  const id = text(task, "task");
  if (agent === undefined)
    throw new AgentError(
      "failed precondition",
      `container "${id}" runs no agent: set annotation io.containerd.runhcs.agent.enabled to "true"`,
    );
  const { vmId, serviceId, staging, os } = isObject(agent) ? agent : {};
  const boundaryLevel = BOUNDARY_LEVELS.find((each) => each === level) ?? "shared";
  const shareCount = typeof shares === "number" ? shares : 0;
  return {
    id,
    vm: text(vm, "vm"),
    address: {
      vmId: text(vmId, "agent.vmId"),
      serviceId: text(serviceId, "agent.serviceId"),
      staging: text(staging, "agent.staging"),
      os: os === "windows" ? "windows" : "linux",
    },
    boundary: {
      isolation: emulated === true ? "emulated" : "hyperv",
      boundary: shareCount === 0 ? "partition+hvsocket" : "partition+shares",
      level: boundaryLevel,
      shares: shareCount,
      transport: emulated === true ? "unix" : "hvsocket",
    },
  };
}

function text(value: unknown, name: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new AgentError("internal", `the shim's report has no ${name}`);
}
