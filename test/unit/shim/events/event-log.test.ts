import assert from "node:assert/strict";
import { EventLog } from "../../../../shim/events/event-log.ts";

describe("EventLog", () => {
  it("keeps what people ask for: time, task, process, status", () => {
    let now = 0;
    const log = new EventLog(() => ++now);
    log.add("containerd.events.TaskStart", { containerId: "web", pid: 5 });
    log.add("containerd.events.TaskExecStarted", { containerId: "web", execId: "probe", pid: 6 });
    log.add("containerd.events.TaskExit", { containerId: "web", id: "probe", pid: 6, exitStatus: 3 });
    log.add("containerd.events.TaskExit", { containerId: "web", id: "web", pid: 5, exitStatus: 0 });
    assert.deepEqual(log.entries(), [
      { at: 1, event: "TaskStart", task: "web", pid: 5 },
      { at: 2, event: "TaskExecStarted", task: "web", exec: "probe", pid: 6 },
      { at: 3, event: "TaskExit", task: "web", exec: "probe", pid: 6, status: 3 },
      { at: 4, event: "TaskExit", task: "web", pid: 5, status: 0 },
    ]);
  });

  it("keeps the newest", () => {
    const log = new EventLog(() => 0);
    for (let pid = 0; pid < 500; pid++) log.add("TaskStart", { containerId: "web", pid });
    assert.deepEqual([log.entries().length, log.entries().at(-1)?.pid], [200, 499]);
  });
});
