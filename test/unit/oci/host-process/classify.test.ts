import assert from "node:assert/strict";
import { hostProcessKind, type HostProcessKind } from "../../../../oci/host-process/classify.ts";
import { HPC, inVm, linux, onHost, spec } from "./specs.ts";

describe("hostProcessKind", () => {
  const CASES: readonly (readonly [string, ReturnType<typeof spec>, HostProcessKind])[] = [
    ["a process-isolated container with the annotation", onHost({ [HPC]: "true" }), "host"],
    ["a hypervisor-isolated container with the annotation", inVm({ [HPC]: "true" }), "guest"],
    ["a process-isolated container annotated false", onHost({ [HPC]: "false" }), "none"],
    ["a hypervisor-isolated container annotated false", inVm({ [HPC]: "false" }), "none"],
    ["a process-isolated container without the annotation", onHost({}), "none"],
    ["a hypervisor-isolated container without the annotation", inVm({}), "none"],
    ["a Linux container with the annotation", linux({ [HPC]: "true" }), "none"],
    ["a spec of neither system", spec({ [HPC]: "true" }, {}), "none"],
    ...["True", "TRUE", "1", "t", " true", ""].map(
      (text) => [`the annotation ${JSON.stringify(text)}`, inVm({ [HPC]: text }), "none"] as const,
    ),
  ];
  for (const [name, given, expected] of CASES) {
    it(`is "${expected}" for ${name}`, () => assert.equal(hostProcessKind(given), expected));
  }
});
