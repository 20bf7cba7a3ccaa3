import assert from "node:assert/strict";

import { packAny } from "../../../protos/any.ts";
import { Envelope } from "../../../protos/gen/types.ts";
import { TaskExit } from "../../../protos/gen/events.ts";
import { UpdateTaskRequest } from "../../../protos/gen/task-v2.ts";
import { knownTypes } from "../../../protos/known-types.ts";
import { TypeRegistry } from "../../../protos/registry.ts";
import { PROCESS_URL } from "../../../protos/type-urls.ts";

describe("TypeRegistry", () => {
  const registry = new TypeRegistry([TaskExit, Envelope]);
  const exit = {
    containerId: "web",
    id: "web",
    pid: 7,
    exitStatus: 3221225786,
    exitedAt: { seconds: 1n, nanos: 2 },
  };

  it("finds a type by either spelling of its URL", () => {
    assert.equal(registry.lookup("containerd.events.TaskExit"), TaskExit);
    assert.equal(registry.lookup("type.googleapis.com/containerd.events.TaskExit"), TaskExit);
    assert.equal(registry.lookup("containerd.events.TaskStart"), undefined);
    assert.equal(registry.lookup("toString"), undefined);
  });

  it("shows a message in words that JSON has", () => {
    assert.deepEqual(registry.show(packAny(TaskExit, exit)), {
      "@type": "containerd.events.TaskExit",
      ...exit,
      exitedAt: { seconds: "1", nanos: 2 },
    });
  });

  it("shows an Any within an Any", () => {
    const event = packAny(TaskExit, { containerId: "web" });
    const shown = registry.show(packAny(Envelope, { namespace: "k8s.io", topic: "/tasks/exit", event }));
    assert.deepEqual(shown["event"], registry.show(event));
  });

  it("shows type and size alone of what it does not know, and of JSON, which may hold secrets", () => {
    const value = new TextEncoder().encode('{"env":["PASSWORD=x"]}');
    assert.deepEqual(registry.show({ typeUrl: "a.B", value }), { "@type": "a.B", bytes: value.length });
    assert.deepEqual(registry.show({ typeUrl: PROCESS_URL, value }), {
      "@type": PROCESS_URL,
      bytes: value.length,
    });
  });

  it("shows why a value cannot be read", () => {
    assert.deepEqual(registry.show({ typeUrl: TaskExit.typeName, value: new Uint8Array([10]) }), {
      "@type": "containerd.events.TaskExit",
      bytes: 1,
      error: "cannot decode containerd.events.TaskExit: input ends within a varint (at byte 1)",
    });
  });

  it("keeps a map key named __proto__ a key", () => {
    const resources = new TypeRegistry([UpdateTaskRequest]);
    const annotations = Object.fromEntries([["__proto__", "x"]]);
    const shown = JSON.stringify(resources.show(packAny(UpdateTaskRequest, { annotations })));
    assert.ok(shown.includes('"annotations":{"__proto__":"x"}'), shown);
  });
});

describe("knownTypes", () => {
  const names = [
    "containerd.events.TaskExit",
    "containerd.runhcs.v1.Options",
    "containerd.runhcs.v1.ProcessDetails",
    "containerd.runhcs.stats.v1.Statistics",
    "containerd.runc.v1.Options",
    "runtimeoptions.v1.Options",
    "runtime.v1.PodSandboxConfig",
    "io.containerd.cgroups.v1.Metrics",
    "io.containerd.cgroups.v2.Metrics",
    "containerd.services.streaming.v1.StreamInit",
    "containerd.types.transfer.Data",
  ];
  for (const name of names) {
    it(`holds ${name}`, () => {
      assert.equal(knownTypes.lookup(name)?.typeName, name);
    });
  }
});
