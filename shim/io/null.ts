import type { StdioRequest, UpstreamStdio } from "./upstream.ts";

/** Stdio of a task that nobody listens to: all paths are empty, no streams, the process gets no pipes. */
export async function openNull(_request: StdioRequest): Promise<UpstreamStdio> {
  return {
    paths: { stdin: "", stdout: "", stderr: "" },
    closeStdin: () => undefined,
    close: async () => undefined,
  };
}
