/** Containers of a containerd, over its gRPC API: 1.6 and later. */
import { Version } from "../../../protos/gen/containerd-version.ts";
import { ClientError } from "../errors.ts";
import type { Engine } from "../engine.ts";
import { containerdContainers } from "./containers.ts";
import { containerdEvents } from "./events.ts";
import { GrpcConnection } from "./grpc.ts";
import { ContainerdImages } from "./images.ts";
import { containerdTasks } from "./tasks.ts";

export interface ContainerdEngineOptions {
  /** Its socket or named pipe. */
  readonly address: string;
  readonly namespace: string;
  /** Which shim runs the containers: `io.containerd.runhcs.v1`. */
  readonly runtime: string;
  /** Which snapshotter has the layers of images. */
  readonly snapshotter: string;
}

/** How long containerd may take to say who it is. */
const HELLO_MS = 10_000;

/** @throws {ClientError} Unavailable when nobody answers at the address */
export async function containerdEngine(options: ContainerdEngineOptions): Promise<Engine> {
  const { address, namespace } = options;
  const connection = new GrpcConnection(address, { "containerd-namespace": namespace });
  let version: string;
  try {
    ({ version } = await connection.service(Version).Version({}, { timeoutMs: HELLO_MS }));
  } catch (error) {
    connection.close();
    throw new ClientError("Unavailable", `cannot reach containerd at ${address}`, { cause: error, address });
  }
  const images = new ContainerdImages(connection, options.snapshotter);
  const containers = containerdContainers(connection, images, options);
  return {
    kind: "containerd",
    description: `containerd ${version} at ${address}`,
    namespace,
    images,
    containers,
    tasks: containerdTasks(connection, containers, images),
    events: (signal) => containerdEvents(connection, namespace, signal),
    [Symbol.asyncDispose]: async () => connection.close(),
  };
}
