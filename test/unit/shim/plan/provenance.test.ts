import assert from "node:assert/strict";
import { inputsOf } from "../../../../shim/plan/inputs.ts";
import { causesOf, MADE_UP } from "../../../../shim/plan/provenance.ts";
import type { PodPlanInput } from "../../../../shim/plan/rehearse.ts";

const PLAN: PodPlanInput = {
  tasks: [
    {
      id: "web",
      title: "task",
      document: {
        ociVersion: "1.1.0",
        annotations: { size: "2" },
        process: { args: ["a", "b"] },
        mounts: [],
        windows: { hyperv: {} },
      },
    },
  ],
  runtime: { SandboxIsolation: 1 },
};

describe("inputsOf", () => {
  it("are options, annotations, and what else the spec says", () => {
    assert.deepEqual(
      inputsOf(PLAN).map(({ name }) => name),
      [
        "option SandboxIsolation",
        "annotation size",
        "/process/args/0",
        "/process/args/1",
        "/mounts",
        "/windows/hyperv",
      ],
    );
  });

  it("can each be left out, without changing the plan", () => {
    const before = JSON.stringify(PLAN);
    const without = (name: string): PodPlanInput | undefined =>
      inputsOf(PLAN)
        .find((input) => input.name === name)
        ?.without(PLAN);
    assert.deepEqual(without("option SandboxIsolation")?.runtime, {});
    assert.deepEqual(without("annotation size")?.tasks[0]?.document["annotations"], {});
    assert.deepEqual(without("/process/args/0")?.tasks[0]?.document["process"], { args: ["b"] });
    assert.deepEqual(without("/windows/hyperv")?.tasks[0]?.document["windows"], {});
    assert.equal(JSON.stringify(PLAN), before);
  });
});

describe("causesOf", () => {
  /** Documents of a made-up builder. */
  function documentsOf({ tasks, runtime }: PodPlanInput): ReadonlyMap<string, unknown> {
    const { annotations } = (tasks[0]?.document ?? {}) as { annotations?: { size?: string } };
    const size = Number(annotations?.size ?? 1);
    return new Map<string, unknown>([
      ["container", { Size: size, Twice: [size * 2, 7], Fixed: true }],
      ...("SandboxIsolation" in runtime ? [["uvm", { Size: size }] as const] : []),
    ]);
  }

  it("names the inputs without which a field would be other", async () => {
    const causes = await causesOf(PLAN, documentsOf(PLAN), async (plan) => documentsOf(plan));
    assert.deepEqual(Object.fromEntries(causes.get("container") ?? []), {
      "/Size": ["annotation size"],
      "/Twice/0": ["annotation size"],
    });
  });

  it("names those without which there would be no document", async () => {
    const causes = await causesOf(PLAN, documentsOf(PLAN), async (plan) => documentsOf(plan));
    assert.deepEqual(causes.get("uvm")?.get(""), ["option SandboxIsolation"]);
  });

  it("tells what is made up anew each time from what has a cause", async () => {
    let runs = 0;
    const build = (): ReadonlyMap<string, unknown> => new Map([["uvm", { Id: runs++, Count: 1 }]]);
    const causes = await causesOf(PLAN, build(), async () => build());
    assert.deepEqual([...(causes.get("uvm") ?? [])], [["/Id", [MADE_UP]]]);
  });

  it("does not mistake what moves up in a list for something else", async () => {
    const build = ({ tasks }: PodPlanInput): ReadonlyMap<string, unknown> =>
      new Map([["process", tasks[0]?.document["process"] ?? {}]]);
    const causes = await causesOf(PLAN, build(PLAN), async (plan) => build(plan));
    assert.deepEqual(Object.fromEntries(causes.get("process") ?? []), {
      "/args/0": ["/process/args/0"],
      "/args/1": ["/process/args/1"],
    });
  });

  it("learns nothing from plans that are refused", async () => {
    const causes = await causesOf(PLAN, documentsOf(PLAN), async (plan) =>
      plan === PLAN ? documentsOf(plan) : undefined,
    );
    assert.deepEqual([...(causes.get("container") ?? [])], []);
  });
});
