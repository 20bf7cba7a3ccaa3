/** Connecting the standard streams of a process to the ports on which the host listens for them. */
import type { Socket } from "node:net";
import { GuestError, RESULT } from "./errors.ts";
import type { ProcessParameters, StdioPorts } from "./requests.ts";

export type StreamName = "stdin" | "stdout" | "stderr";

/** Connects to vsock port `port` of the host. The socket allows half-open and has not been read from. */
export type Dial = (port: number) => Promise<Socket>;

export interface StdioConnections {
  readonly stdin?: Socket;
  readonly stdout?: Socket;
  readonly stderr?: Socket;
}

/** In the order in which the guest dials. */
const STREAMS = [
  { name: "stdin", flag: "CreateStdInPipe", port: "StdIn" },
  { name: "stdout", flag: "CreateStdOutPipe", port: "StdOut" },
  { name: "stderr", flag: "CreateStdErrPipe", port: "StdErr" },
] as const;

/** The ports of the streams that `parameters` ask for. A stream without a port has port 0, where nobody listens. */
export function requestedPorts(
  parameters: ProcessParameters,
  ports: StdioPorts | undefined,
): ReadonlyMap<StreamName, number> {
  const requested = new Map<StreamName, number>();
  for (const { name, flag, port } of STREAMS) {
    if (parameters[flag] === true) requested.set(name, ports?.[port] ?? 0);
  }
  return requested;
}

/** Dials stdin, stdout, stderr, one after the other. When one fails, those made before are closed again. */
export async function dialStdio(
  dial: Dial,
  ports: ReadonlyMap<StreamName, number>,
): Promise<StdioConnections> {
  const connections: { stdin?: Socket; stdout?: Socket; stderr?: Socket } = {};
  for (const [name, port] of ports) {
    try {
      connections[name] = await dial(port);
    } catch (error) {
      closeStdio(connections);
      throw new GuestError(RESULT.failed, `cannot connect ${name} to port ${port}`, { cause: error });
    }
  }
  return connections;
}

export function closeStdio(connections: StdioConnections): void {
  for (const connection of [connections.stdin, connections.stdout, connections.stderr]) connection?.destroy();
}
