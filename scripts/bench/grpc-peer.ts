/** What the agent's stream is compared with: a server of plain gRPC on a unix socket, which counts what comes and forgets it. */
import { Server, ServerCredentials, type ChannelOptions, type ServerDuplexStream } from "@grpc/grpc-js";

export const COUNT_PATH: string = "/bench.Count/Count";
/** As the agent has them. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": 4 << 20,
  "grpc-node.flow_control_window": 4 << 20,
};

const [, , socket] = process.argv;
if (socket !== undefined && process.send !== undefined) serve(socket);

function serve(path: string): void {
  const server = new Server(CHANNEL_OPTIONS);
  const asIs = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      Count: {
        ...{ path: COUNT_PATH, requestStream: true, responseStream: true },
        ...{ requestSerialize: asIs, requestDeserialize: asIs },
        ...{ responseSerialize: asIs, responseDeserialize: asIs },
      },
    },
    {
      Count: (call: ServerDuplexStream<Buffer, Buffer>) => {
        let bytes = 0;
        call.on("data", (message: Buffer) => (bytes += message.length));
        call.on("end", () => {
          call.write(Buffer.from(String(bytes)));
          call.end();
        });
      },
    },
  );
  server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
    if (error !== null) throw error;
    process.send?.("listens");
  });
}
