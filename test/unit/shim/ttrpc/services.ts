/** A service with a method of each kind, for tests. Its messages are `google.protobuf.Any`: a string and bytes. */
import { duplexPair } from "node:stream";
import { Any } from "../../../../protos/gen/google.ts";
import type {
  BidiStreamingMethod,
  ClientStreamingMethod,
  ServerStreamingMethod,
  ServiceDescriptor,
  ServiceHandlers,
  UnaryMethod,
} from "../../../../protos/types.ts";
import { Server } from "../../../../shim/ttrpc/index.ts";
import type { CallContext, Diagnostic, ServerOptions } from "../../../../shim/ttrpc/index.ts";
import { RawPeer } from "./raw-peer.ts";

export type ProbeMethods = {
  readonly Unary: UnaryMethod<Any, Any>;
  readonly Upload: ClientStreamingMethod<Any, Any>;
  readonly Download: ServerStreamingMethod<Any, Any>;
  readonly Chat: BidiStreamingMethod<Any, Any>;
};

export const Probe: ServiceDescriptor<ProbeMethods> = {
  typeName: "test.Probe",
  methods: {
    Unary: { name: "Unary", input: Any, output: Any, clientStreaming: false, serverStreaming: false },
    Upload: { name: "Upload", input: Any, output: Any, clientStreaming: true, serverStreaming: false },
    Download: { name: "Download", input: Any, output: Any, clientStreaming: false, serverStreaming: true },
    Chat: { name: "Chat", input: Any, output: Any, clientStreaming: true, serverStreaming: true },
  },
};

export type ProbeHandlers = ServiceHandlers<typeof Probe, CallContext>;

/** Echoes in every way there is. */
export const ECHO: ProbeHandlers = {
  Unary: (request) => request,
  Upload: async (requests) => {
    const names: string[] = [];
    for await (const { typeUrl } of requests) names.push(typeUrl);
    return { typeUrl: names.join(",") };
  },
  Download: async function* ({ typeUrl }) {
    for (const name of typeUrl.split(",")) yield { typeUrl: name };
  },
  Chat: async function* (requests) {
    for await (const request of requests) yield request;
  },
};

/** A payload of the probe's methods. */
export function any(typeUrl: string, value: Uint8Array = Buffer.alloc(0)): Uint8Array {
  return Any.encode({ typeUrl, value });
}

/** What a payload says. */
export function nameIn(payload: Uint8Array): string {
  return Any.decode(payload).typeUrl;
}

export interface ServedPeer {
  readonly server: Server;
  readonly peer: RawPeer;
  readonly diagnostics: Diagnostic[];
}

/** A server in memory and a raw peer connected to it. */
export function serve(handlers: Partial<ProbeHandlers> = {}, options: ServerOptions = {}): ServedPeer {
  const diagnostics: Diagnostic[] = [];
  const server = new Server({ ...options, onDiagnostic: (diagnostic) => diagnostics.push(diagnostic) });
  server.register(Probe, { ...ECHO, ...handlers });
  return { server, peer: join(server), diagnostics };
}

/** One more raw peer for a server. */
export function join(server: Server): RawPeer {
  const [near, far] = duplexPair();
  server.handleConnection(near);
  return new RawPeer(far);
}

/** Calls the probe's unary method. */
export function callUnary(peer: RawPeer, streamId: number, name: string): void {
  peer.request(streamId, { service: Probe.typeName, method: "Unary", payload: any(name) });
}
