/** Tasks through their own shims. */
import { DeleteResponse, Task } from "../../../protos/gen/task-v2.ts";
import { Mount } from "../../../protos/gen/types.ts";
import type { InputOf, OutputOf } from "../../../protos/types.ts";
import { PROCESS_URL } from "../../../protos/type-urls.ts";
import { readIfPresent, bundleFile } from "../../bootstrap/bundle.ts";
import { isConnectionClosed } from "../../ttrpc/index.ts";
import type { EngineContainers, EngineTasks } from "../engine.ts";
import { ClientError, isNotFound, translated } from "../errors.ts";
import { exitOf, naming, stateOf } from "../task-state.ts";
import { bundleDirectory, rootfsMounts } from "./containers.ts";
import type { DirectLayout } from "./engine.ts";
import type { Shims } from "./shims.ts";

type Methods = typeof Task.methods;

export function directTasks(layout: DirectLayout, containers: EngineContainers, shims: Shims): EngineTasks {
  const call = async <Name extends keyof Methods>(
    action: string,
    id: string,
    method: Name,
    request: Partial<InputOf<Methods[Name]>>,
    signal?: AbortSignal,
  ): Promise<OutputOf<Methods[Name]>> => {
    const client = await shims.find(id);
    if (client === undefined) throw new ClientError("NotFound", `${action}: it has no task`, { id });
    const options = signal === undefined ? {} : { signal };
    return translated(action, client.call(Task, method as never, request as never, options));
  };

  /** The shim has nothing left to serve. It may end before it has answered. */
  const shutDown = async (id: string): Promise<void> => {
    const client = await shims.find(id);
    if (client === undefined) return;
    try {
      await client.call(Task, "Shutdown", { id, now: false });
    } catch (error) {
      if (!isConnectionClosed(error)) throw error;
    }
    await client.close();
  };

  return {
    create: async (id, { stdin, stdout, stderr, terminal }) => {
      const action = `cannot create the task of container "${id}"`;
      const container = await containers.find(id);
      if (container === undefined)
        throw new ClientError("NotFound", `${action}: there is no such container`, { id });
      if ((await shims.find(id)) !== undefined)
        throw new ClientError("AlreadyExists", `${action}: it has one already`, { id });
      await shims.start(id, container.runtimeOptions);
      const rootfs = rootfsMounts(layout, id).map((mount) =>
        Mount.create({ ...mount, options: [...mount.options] }),
      );
      const bundle = bundleDirectory(layout, id);
      const options = container.runtimeOptions;
      try {
        await call(action, id, "Create", { id, bundle, rootfs, stdin, stdout, stderr, terminal, options });
      } catch (error) {
        await shutDown(id).catch(() => undefined);
        await shims.release(id).catch(() => undefined);
        throw error;
      }
    },
    start: async (id, execId = "") =>
      (await call(`cannot start ${naming(id, execId)}`, id, "Start", { id, execId })).pid,
    exec: async (id, execId, process, { stdin, stdout, stderr, terminal }) => {
      const spec = { typeUrl: PROCESS_URL, value: Buffer.from(JSON.stringify(process)) };
      const request = { id, execId, spec, stdin, stdout, stderr, terminal };
      await call(`cannot add ${naming(id, execId)}`, id, "Exec", request);
    },
    kill: async (id, signal, { execId = "", all = false } = {}) => {
      await call(`cannot signal ${naming(id, execId)}`, id, "Kill", { id, execId, signal, all });
    },
    wait: async (id, execId, signal) =>
      exitOf(await call(`cannot wait for ${naming(id, execId)}`, id, "Wait", { id, execId }, signal)),
    delete: async (id, execId = "") => {
      try {
        const exit = exitOf(await call(`cannot delete ${naming(id, execId)}`, id, "Delete", { id, execId }));
        if (execId === "") await shutDown(id);
        return exit;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      // Its shim died: what it held goes now, as containerd would see to it.
      if (execId !== "" || readIfPresent(bundleFile(bundleDirectory(layout, id), "address")) === undefined)
        return undefined;
      return exitOf(DeleteResponse.decode(await shims.release(id)));
    },
    state: async (id, execId = "") => {
      try {
        return stateOf(
          await call(`cannot tell the state of ${naming(id, execId)}`, id, "State", { id, execId }),
        );
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    pids: async (id) => {
      const { processes } = await call(`cannot list the processes of "${id}"`, id, "Pids", { id });
      return processes.map(({ pid, info }) => ({ pid, ...(info === undefined ? {} : { info }) }));
    },
    metrics: async (id) => {
      const { stats } = await call(`cannot measure container "${id}"`, id, "Stats", { id });
      return stats && { timestamp: new Date(), data: stats };
    },
    closeStdin: async (id, execId) => {
      await call(`cannot end the input of ${naming(id, execId)}`, id, "CloseIO", { id, execId, stdin: true });
    },
    resize: async (id, execId, { columns, rows }) => {
      const request = { id, execId, width: columns, height: rows };
      await call(`cannot resize the terminal of ${naming(id, execId)}`, id, "ResizePty", request);
    },
    pause: async (id) => {
      await call(`cannot pause container "${id}"`, id, "Pause", { id });
    },
    resume: async (id) => {
      await call(`cannot resume container "${id}"`, id, "Resume", { id });
    },
    update: async (id, resources) => {
      await call(`cannot update container "${id}"`, id, "Update", { id, resources });
    },
  };
}
