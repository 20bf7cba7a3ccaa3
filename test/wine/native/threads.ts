/** Threads for native calls, as tests have them. */
import { NativeThread } from "../../../hcs/win32/threads/native-thread.ts";
import { THREAD_FILE } from "../control/commands.ts";

const threads: NativeThread[] = [];

/** A thread that ends with the test's file. */
export function thread(name: string): NativeThread {
  const started = new NativeThread(name, { file: process.env[THREAD_FILE] ?? "" });
  threads.push(started);
  return started;
}

after(() => {
  for (const started of threads.splice(0)) started.close();
});
