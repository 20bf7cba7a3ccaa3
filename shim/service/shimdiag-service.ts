/**
 * The diagnostics service that tools for this runtime know (`containerd.runhcs.v1.diag.ShimDiag`): programs where the
 * pod is, stacks, tasks, shares. It speaks of the one pod that the process was started for.
 */
import { Exec, ShimDiag, Task } from "../../protos/gen/shim-diag.ts";
import { messageOf, ShimError } from "../errors.ts";
import type { Pod } from "../pod/pod.ts";
import { requireVm } from "../pod/host-command.ts";
import { EXEC_STATUS } from "../task/states.ts";
import type { Task as PodTask } from "../task/task.ts";
import type { Calls } from "./calls.ts";
import type { Shim } from "./shim.ts";
import { stacks } from "./stacks.ts";
import type { ServiceRegistry } from "./task-service.ts";

export function registerShimDiagService(server: ServiceRegistry, shim: Shim, calls: Calls): void {
  const { logger, timeline, clock } = shim.environment;
  server.register(ShimDiag, {
    DiagExecInHost: calls.wrap("DiagExecInHost", async (request, { signal }) => {
      const { args, workdir: workingDirectory, terminal, stdin, stdout, stderr } = request;
      if (terminal && stderr !== "")
        throw new ShimError(
          "TERMINAL_STDERR",
          `cannot run a program in the VM of "${shim.id}": a terminal has no stderr (found "${stderr}")`,
        );
      const pod = podOf(shim);
      const where = pod.uvm === undefined ? `on the machine of "${pod.id}"` : `in the VM of "${pod.id}"`;
      if (args.length === 0) throw new Error(`cannot run a program ${where}: args is empty, name a program`);
      const stdio = { terminal, stdin, stdout, stderr };
      const exitCode = await pod.runProgram({ args, workingDirectory, stdio }, signal);
      if (exitCode === 0) return { exitCode };
      throw new ShimError(
        "GUEST_COMMAND_FAILED",
        `cannot run "${args.join(" ")}" ${where}: it ended with ${exitCode}`,
      );
    }),

    DiagStacks: calls.wrap("DiagStacks", async () => ({
      stacks: stacks(timeline, clock),
      guestStacks: await guestStacks(shim),
    })),

    DiagTasks: calls.wrap("DiagTasks", ({ execs }) => ({
      tasks: podOf(shim)
        .tasks()
        .map((task) => Task.create({ id: task.id, execs: execs ? execsOf(task) : [] })),
    })),

    DiagShare: calls.wrap("DiagShare", async ({ hostPath, uvmPath, readOnly }) => {
      await podOf(shim).shareIntoVm({ hostPath, guestPath: uvmPath, readOnly });
      return {};
    }),

    DiagPid: calls.wrap("DiagPid", () => ({ pid: process.pid })),
  });

  async function guestStacks({ id }: Shim): Promise<string> {
    const pod = shim.pods()[0];
    if (pod?.uvm === undefined) return "";
    try {
      return await pod.guestStacks(requireVm(pod.uvm, id, "ask for stacks of"));
    } catch (error) {
      // The shim's own are worth having even when the guest is what hangs.
      logger.warn("the guest did not tell its stacks", { sandbox: pod.id, error: messageOf(error) });
      return "";
    }
  }
}

/** @throws {ShimError} TASK_NOT_FOUND before anything was created */
function podOf(shim: Shim): Pod {
  const pods = shim.pods();
  const pod = pods.find(({ id }) => id === shim.id) ?? pods[0];
  if (pod !== undefined) return pod;
  throw new ShimError("TASK_NOT_FOUND", `task "${shim.id}": nothing was created in this shim`);
}

const STATE: Readonly<Record<string, string>> = {
  CREATED: "created",
  RUNNING: "running",
  STOPPED: "exited",
};

/** The init process is the task itself, and listed only where it is made up. */
function execsOf(task: PodTask): Exec[] {
  const processes = task.processes().filter(({ isInit }) => !isInit || task.container.os === "none");
  return processes.map(({ id, state }) => Exec.create({ id, state: STATE[EXEC_STATUS[state]] ?? state }));
}
