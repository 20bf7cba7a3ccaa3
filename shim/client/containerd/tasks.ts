/** Tasks through containerd. */
import { Tasks } from "../../../protos/gen/tasks.ts";
import { Mount } from "../../../protos/gen/types.ts";
import { PROCESS_URL } from "../../../protos/type-urls.ts";
import type { ContainerRecord, EngineContainers, EngineTasks } from "../engine.ts";
import { ClientError, isNotFound, translated } from "../errors.ts";
import { dateOf, exitOf, naming, stateOf } from "../task-state.ts";
import type { GrpcConnection } from "./grpc.ts";
import type { ContainerdImages } from "./images.ts";

/** A boot of a VM, or a teardown, is part of some calls. */
const LONG_CALL_MS = 600_000;

export function containerdTasks(
  connection: GrpcConnection,
  containers: EngineContainers,
  images: ContainerdImages,
): EngineTasks {
  const calls = connection.service(Tasks);
  const long = { timeoutMs: LONG_CALL_MS };

  const rootfsOf = async ({ id, rootfs }: ContainerRecord): Promise<Mount[]> => {
    if (rootfs.kind === "image") return images.mounts(id);
    return rootfs.kind === "spec"
      ? []
      : rootfs.mounts.map((mount) => Mount.create({ ...mount, options: [...mount.options] }));
  };

  return {
    create: async (containerId, { stdin, stdout, stderr, terminal }) => {
      const action = `cannot create the task of container "${containerId}"`;
      const container = await containers.find(containerId);
      if (container === undefined)
        throw new ClientError("NotFound", `${action}: there is no such container`, { id: containerId });
      const rootfs = await rootfsOf(container);
      const options = container.runtimeOptions;
      await translated(
        action,
        calls.Create({ containerId, rootfs, stdin, stdout, stderr, terminal, options }, long),
      );
    },
    start: async (containerId, execId = "") =>
      (
        await translated(
          `cannot start ${naming(containerId, execId)}`,
          calls.Start({ containerId, execId }, long),
        )
      ).pid,
    exec: async (containerId, execId, process, { stdin, stdout, stderr, terminal }) => {
      const spec = { typeUrl: PROCESS_URL, value: Buffer.from(JSON.stringify(process)) };
      await translated(
        `cannot add ${naming(containerId, execId)}`,
        calls.Exec({ containerId, execId, spec, stdin, stdout, stderr, terminal }),
      );
    },
    kill: async (containerId, signal, { execId = "", all = false } = {}) => {
      await translated(
        `cannot signal ${naming(containerId, execId)}`,
        calls.Kill({ containerId, execId, signal, all }),
      );
    },
    wait: async (containerId, execId, signal) =>
      exitOf(
        await translated(
          `cannot wait for ${naming(containerId, execId)}`,
          calls.Wait({ containerId, execId }, { timeoutMs: Infinity, signal }),
        ),
      ),
    delete: async (containerId, execId) => {
      const call =
        execId === undefined
          ? calls.Delete({ containerId }, long)
          : calls.DeleteProcess({ containerId, execId }, long);
      try {
        return exitOf(await translated(`cannot delete ${naming(containerId, execId)}`, call));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    state: async (containerId, execId = "") => {
      try {
        const call = calls.Get({ containerId, execId });
        const { process } = await translated(`cannot tell the state of ${naming(containerId, execId)}`, call);
        return process && stateOf(process);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    pids: async (containerId) => {
      const call = calls.ListPids({ containerId });
      const { processes } = await translated(`cannot list the processes of "${containerId}"`, call);
      return processes.map(({ pid, info }) => ({ pid, ...(info === undefined ? {} : { info }) }));
    },
    metrics: async (containerId) => {
      const call = calls.Metrics({ filters: [`id==${containerId}`] });
      const { metrics } = await translated(`cannot measure container "${containerId}"`, call);
      const metric = metrics.find(({ id }) => id === containerId);
      if (metric?.data === undefined) return undefined;
      return { timestamp: dateOf(metric.timestamp), data: metric.data };
    },
    closeStdin: async (containerId, execId) => {
      const call = calls.CloseIO({ containerId, execId, stdin: true });
      await translated(`cannot end the input of ${naming(containerId, execId)}`, call);
    },
    resize: async (containerId, execId, { columns, rows }) => {
      const call = calls.ResizePty({ containerId, execId, width: columns, height: rows });
      await translated(`cannot resize the terminal of ${naming(containerId, execId)}`, call);
    },
    pause: async (containerId) => {
      await translated(`cannot pause container "${containerId}"`, calls.Pause({ containerId }));
    },
    resume: async (containerId) => {
      await translated(`cannot resume container "${containerId}"`, calls.Resume({ containerId }));
    },
    update: async (containerId, resources) => {
      await translated(`cannot update container "${containerId}"`, calls.Update({ containerId, resources }));
    },
  };
}
