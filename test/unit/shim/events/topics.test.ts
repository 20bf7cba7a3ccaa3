import assert from "node:assert/strict";
import * as events from "../../../../protos/gen/events.ts";
import { LASTING_TOPICS, TOPICS } from "../../../../shim/events/topics.ts";

describe("TOPICS", () => {
  const types = Object.values(events)
    .filter((value) => "typeName" in value && "encode" in value)
    .map(({ typeName }) => typeName);

  it("has a topic for every event of a task", () => {
    const ofTasks = types.filter((name) => /^containerd\.events\.Task(?!IO$)/.test(name));
    assert.deepEqual([...TOPICS.keys()].sort(), ofTasks.sort());
  });

  it("has topics that containerd accepts, each once", () => {
    for (const topic of TOPICS.values()) assert.match(topic, /^(\/[a-z]+(-[a-z]+)*)+$/);
    assert.equal(new Set(TOPICS.values()).size, TOPICS.size);
  });

  it("knows the lasting ones", () => {
    for (const topic of LASTING_TOPICS) assert.ok([...TOPICS.values()].includes(topic));
  });
});
