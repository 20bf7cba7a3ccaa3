/** Windows: the agent is the first process of its container, and a single executable. */
import { Win32HvSocket } from "../../../../hcs/win32/hvsocket/hv-socket.ts";
import { Win32Jobs } from "../../../../hcs/win32/jobs/jobs.ts";
import { NativeThread } from "../../../../hcs/win32/threads/native-thread.ts";
import { embeddedText } from "../../../bootstrap/embedded.ts";
import type { GuestSystem } from "../system.ts";
import { windowsListeners } from "./listeners.ts";
import { WindowsProcessTrees } from "./process-trees.ts";

export function openSystem(): GuestSystem {
  const source = { code: embeddedText("native-calls.cjs") };
  const thread = (name: string): NativeThread => new NativeThread(name, source);
  const jobs = new Win32Jobs({
    accounts: thread("accounts"),
    launches: thread("launches"),
    events: thread("job events"),
  });
  return {
    platform: "win32",
    trees: new WindowsProcessTrees(jobs),
    listeners: windowsListeners(new Win32HvSocket()),
    endSignals: ["SIGINT", "SIGBREAK", "SIGHUP"],
  };
}
