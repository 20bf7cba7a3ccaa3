/** The one method on the wire: where it is, and what its messages are made of. */
import { AgentService } from "../../../protos/gen/agent.ts";

/** Path of the request, as gRPC writes it. */
export const EXEC_PATH: string = `/${AgentService.typeName}/${AgentService.methods.Exec.name}`;

/** The vsock port agents listen on; further containers of a VM take the ports after it. */
export const AGENT_PORT = 17_727;

/** Says of a file's `mode` that it is known. */
export const MODE_KNOWN: number = 0x8000_0000;

/** Receive window of streams and connections, bytes: the default of 64 KiB halves the throughput. */
export const WINDOW_BYTES: number = 4 << 20;
