/**
 * What the library needs of whoever runs containers. Two implement it with the same behaviour: containerd (`containerd/`),
 * and, where none runs, the shim alone (`direct/`), whose bundles and images this library then keeps itself.
 */
import type { RootfsMount } from "../../hcs/api.ts";
import type { JsonObject } from "../../oci/json.ts";
import type { Any } from "../../protos/gen/google.ts";
import type { ImageInfo } from "./images/image.ts";

export interface Engine extends AsyncDisposable {
  readonly kind: "containerd" | "shim";
  /** For people: its address, its version. */
  readonly description: string;
  /** containerd namespace: containers and tasks of another are not seen. */
  readonly namespace: string;
  readonly images: EngineImages;
  readonly containers: EngineContainers;
  readonly tasks: EngineTasks;
  /** What happens to tasks from now on, until `signal` fires. */
  events(signal: AbortSignal): AsyncIterable<EngineEvent>;
}

export interface EngineImages {
  /** Takes over the images of an OCI archive. @returns those it holds, the first one first */
  import(archive: string, options?: ImportOptions): Promise<ImageInfo[]>;
  /** By name, or by digest. */
  find(reference: string): Promise<ImageInfo | undefined>;
  list(): Promise<ImageInfo[]>;
  /**
   * Small files of an image, by path without a leading slash. What is absent, or no plain file, is left out.
   *
   * @throws {ClientError} NotFound when there is no such image
   */
  readFiles(reference: string, paths: readonly string[]): Promise<Map<string, Buffer>>;
  /** By name or digest. Containers that stand on it keep what they need. One that is not there is success. */
  delete(reference: string): Promise<void>;
  /**
   * Removes images that this library has imported, and whatever of images nobody needs any more.
   *
   * @param used names of those that stay
   * @returns names of those that are gone
   */
  prune(used: ReadonlySet<string>): Promise<string[]>;
}

export interface ImportOptions {
  /** Name of the image, for an archive that does not name the one it holds. */
  readonly name?: string;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  readonly step: "copy" | "unpack";
  /** Bytes of the archive. */
  readonly done: number;
  readonly total: number;
}

/** What a container's root file system is made of. */
export type EngineRootfs =
  /** A writable layer on an image; made with the container, and removed with it. */
  | { readonly kind: "image"; readonly image: string; readonly idMapping?: RootfsIdMapping }
  /** Mounts that somebody else keeps. */
  | { readonly kind: "mounts"; readonly mounts: readonly RootfsMount[] }
  /** Named in the spec: a directory, or layer folders. */
  | { readonly kind: "spec" };

/** Owners of the image's files are shifted by so much. */
export interface RootfsIdMapping {
  readonly uid: number;
  readonly gid: number;
}

export interface NewContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** OCI runtime specification. */
  readonly spec: JsonObject;
  readonly rootfs: EngineRootfs;
  /** For the shim, with every task. */
  readonly runtimeOptions?: Any;
}

export interface ContainerRecord extends NewContainer {
  readonly createdAt: Date;
  /** `io.containerd.runhcs.v1` */
  readonly runtime: string;
}

export interface EngineContainers {
  /** @throws {ClientError} AlreadyExists */
  create(container: NewContainer): Promise<void>;
  find(id: string): Promise<ContainerRecord | undefined>;
  list(): Promise<ContainerRecord[]>;
  /** Its task has to be deleted before. One that is not there is success. */
  delete(id: string): Promise<void>;
}

/** Where the streams of a process are: FIFOs, pipes, a log URI; empty for none. */
export interface TaskStdio {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export type TaskStatus = "created" | "running" | "stopped" | "paused" | "unknown";

export interface TaskState {
  readonly pid: number;
  readonly status: TaskStatus;
  /** Once it is stopped. */
  readonly exit?: TaskExit;
}

export interface TaskExit {
  /** 0-255 on Linux (128 + n for signal n), 32 bits on Windows; 4294967295 when nobody knows. */
  readonly exitCode: number;
  readonly exitedAt: Date;
}

export interface TaskProcess {
  readonly pid: number;
  /** Payload of the runtime, where it has one. */
  readonly info?: Any;
}

/** A running container. An `execId` means a further process in it, none its init process. */
export interface EngineTasks {
  create(id: string, stdio: TaskStdio): Promise<void>;
  /** @returns the pid */
  start(id: string, execId?: string): Promise<number>;
  /** @param process OCI process */
  exec(id: string, execId: string, process: JsonObject, stdio: TaskStdio): Promise<void>;
  kill(
    id: string,
    signal: number,
    options?: { readonly execId?: string; readonly all?: boolean },
  ): Promise<void>;
  /** Answers when the process has ended. */
  wait(id: string, execId: string, signal?: AbortSignal): Promise<TaskExit>;
  /** Forgets a process that has ended, and releases what it held. One that is not there is success. */
  delete(id: string, execId?: string): Promise<TaskExit | undefined>;
  /** Undefined when there is no task, or no such exec in it. */
  state(id: string, execId?: string): Promise<TaskState | undefined>;
  pids(id: string): Promise<TaskProcess[]>;
  /** Statistics of the platform, see `stats.ts`. */
  metrics(id: string): Promise<{ readonly timestamp: Date; readonly data: Any } | undefined>;
  closeStdin(id: string, execId: string): Promise<void>;
  resize(
    id: string,
    execId: string,
    size: { readonly columns: number; readonly rows: number },
  ): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** @param resources `linux.resources` or `windows.resources` of the OCI specification, in an Any */
  update(id: string, resources: Any): Promise<void>;
}

export interface EngineEvent {
  readonly at: Date;
  /** `/tasks/exit` … */
  readonly topic: string;
  /** A message of `containerd.events`. */
  readonly event: Any;
}
