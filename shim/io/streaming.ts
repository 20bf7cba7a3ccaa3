/**
 * Stdio over ttrpc streams (`ttrpc+unix://<address>?streaming_id=<id>`, containerd 2.x with `io_type = "streaming"`).
 * containerd has opened the streams to this shim before it asks for the task; here they are only found again.
 */
import type { Readable, Writable } from "node:stream";
import { messageOf } from "../errors.ts";
import { StdioError, type StdioField } from "./errors.ts";
import type { OpenContext, StdioRequest, StreamResolver, UpstreamStdio } from "./upstream.ts";
import { parseStdioUri } from "./uri.ts";

/** Schemes of addresses whose streams come over ttrpc. */
export const STREAMING_SCHEMES: readonly string[] = ["ttrpc+unix", "ttrpc+npipe", "ttrpc"];

export async function openStreams(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  const { streams, signal } = context;
  const opened: (Readable | Writable)[] = [];
  const find = async <S extends Readable | Writable>(
    field: StdioField,
    resolve: (from: StreamResolver, id: string) => Promise<S>,
  ): Promise<S | undefined> => {
    const value = request[field];
    if (value === "" || (field === "stderr" && request.terminal)) return undefined;
    if (streams === undefined)
      throw new StdioError("unsupported", field, value, "this shim serves no streams");
    const id = streamId(field, value);
    let stream: S;
    try {
      stream = await resolve(streams, id);
    } catch (error) {
      if (signal.aborted) throw error;
      throw new StdioError("unavailable", field, value, messageOf(error), error);
    }
    stream.on("error", () => undefined);
    opened.push(stream);
    return stream;
  };
  const closeAll = (): void => {
    for (const stream of opened) stream.destroy();
  };
  try {
    const stdin = await find("stdin", (from, id) => from.reader(id, signal));
    const stdout = await find("stdout", (from, id) => from.writer(id, signal));
    const stderr = await find("stderr", (from, id) => from.writer(id, signal));
    return {
      paths: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
      ...(stdin === undefined ? {} : { stdin }),
      ...(stdout === undefined ? {} : { stdout }),
      ...(stderr === undefined ? {} : { stderr }),
      // The client's half-close is the end of input, and it reaches us as such.
      closeStdin: () => undefined,
      close: async () => closeAll(),
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

function streamId(field: StdioField, value: string): string {
  try {
    const uri = parseStdioUri(value);
    const id = uri.query.find(([key]) => key === "streaming_id")?.[1] ?? "";
    if (!STREAMING_SCHEMES.includes(uri.scheme)) throw new Error("not the address of a ttrpc stream");
    if (id === "") throw new Error("no streaming_id");
    return id;
  } catch (error) {
    throw new StdioError("invalid", field, value, messageOf(error), error);
  }
}
