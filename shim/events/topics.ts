/** Under which topic containerd expects each event. */
export const TOPICS: ReadonlyMap<string, string> = new Map([
  ["containerd.events.TaskCreate", "/tasks/create"],
  ["containerd.events.TaskStart", "/tasks/start"],
  ["containerd.events.TaskExit", "/tasks/exit"],
  ["containerd.events.TaskDelete", "/tasks/delete"],
  ["containerd.events.TaskExecAdded", "/tasks/exec-added"],
  ["containerd.events.TaskExecStarted", "/tasks/exec-started"],
  ["containerd.events.TaskOOM", "/tasks/oom"],
  ["containerd.events.TaskPaused", "/tasks/paused"],
  ["containerd.events.TaskResumed", "/tasks/resumed"],
  ["containerd.events.TaskCheckpointed", "/tasks/checkpointed"],
]);

/**
 * Topics of events that say how something ended. They are the last that a full queue gives up: what they tell, a client
 * cannot ask for once the task has been deleted.
 */
export const LASTING_TOPICS: ReadonlySet<string> = new Set(["/tasks/exit", "/tasks/delete"]);
