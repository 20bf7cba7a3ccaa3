/**
 * The Sandbox API of containerd 2.x (`sandboxer = "shim"`): pods without a pause task. The same pods as those of the
 * Task API, with a sandbox process that nobody outside sees.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DnsSettings } from "../../hcs/api.ts";
import { unpackAny } from "../../protos/any.ts";
import { PodSandboxConfig } from "../../protos/gen/cri.ts";
import { Sandbox, type CreateSandboxRequest } from "../../protos/gen/sandbox.ts";
import { Metric, Platform } from "../../protos/gen/types.ts";
import { timestampFromDate, ZERO_TIME } from "../../protos/timestamp.ts";
import type { ServiceHandlers } from "../../protos/types.ts";
import { ShimError } from "../errors.ts";
import { SILENT_EVENTS } from "../events/task-events.ts";
import { readAnnotations } from "../options/own.ts";
import type { Pod } from "../pod/pod.ts";
import type { CreateRequest } from "../pod/request.ts";
import { statsPayload } from "../stats/stats.ts";
import { SIGKILL } from "../task/signals.ts";
import type { CallContext, Server } from "../ttrpc/index.ts";
import type { Calls } from "./calls.ts";
import { sandboxSpec } from "./sandbox-spec.ts";
import type { Shim } from "./shim.ts";

type Handlers = ServiceHandlers<typeof Sandbox, CallContext>;

/** Names of the CRI for the state of a sandbox; containerd takes any other word for "not ready". */
const STATE = { ready: "SANDBOX_READY", notReady: "SANDBOX_NOTREADY" } as const;

/** Directory of the bundle that is the root of the sandbox's own process. */
const PAUSE_ROOT = "pause";

/** Node's names of processor architectures → Go's. */
const ARCHITECTURE: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export function registerSandboxService(
  server: Server,
  shim: Shim,
  calls: Calls,
  onShutdown: () => void,
): void {
  server.register(Sandbox, sandboxHandlers(shim, calls, onShutdown));
}

function sandboxHandlers(shim: Shim, calls: Calls, onShutdown: () => void): Handlers {
  const { environment } = shim;
  /** When each sandbox was started. */
  const startedAt = new Map<string, Date>();

  const podOf = (id: string): Pod => {
    const { pod, task } = shim.find(id);
    if (task === pod.sandbox) return pod;
    throw new ShimError("TASK_NOT_FOUND", `sandbox "${id}"`);
  };

  const stop = async (pod: Pod): Promise<void> => {
    const { init } = pod.sandbox;
    if (init.state === "created" || init.state === "running") await pod.kill(pod.sandbox, "", SIGKILL, true);
    await init.wait();
  };

  return {
    CreateSandbox: calls.wrap("CreateSandbox", async (request) => {
      await shim.createPod(createRequest(shim, request), SILENT_EVENTS);
      return {};
    }),

    StartSandbox: calls.wrap("StartSandbox", async ({ sandboxId }) => {
      const pid = await podOf(sandboxId).sandbox.start("");
      const started = new Date(environment.clock.now());
      startedAt.set(sandboxId, started);
      return { pid, createdAt: timestampFromDate(started) };
    }),

    Platform: calls.wrap("Platform", ({ sandboxId }) => {
      podOf(sandboxId);
      return {
        platform: Platform.create({ os: "linux", architecture: ARCHITECTURE[process.arch] ?? process.arch }),
      };
    }),

    StopSandbox: calls.wrap("StopSandbox", async ({ sandboxId }) => {
      await stop(podOf(sandboxId));
      return {};
    }),

    WaitSandbox: calls.wrap("WaitSandbox", async ({ sandboxId }, context) => {
      const record = await podOf(sandboxId).sandbox.init.wait(context.signal);
      return { exitStatus: record.status, exitedAt: timestampFromDate(new Date(record.at)) };
    }),

    SandboxStatus: calls.wrap("SandboxStatus", ({ sandboxId }) => {
      const { init } = podOf(sandboxId).sandbox;
      const started = startedAt.get(sandboxId);
      return {
        sandboxId,
        pid: init.pid,
        state: init.state === "running" ? STATE.ready : STATE.notReady,
        createdAt: started === undefined ? ZERO_TIME : timestampFromDate(started),
        exitedAt: init.exit === undefined ? ZERO_TIME : timestampFromDate(new Date(init.exit.at)),
      };
    }),

    PingSandbox: calls.wrap("PingSandbox", ({ sandboxId }) => {
      podOf(sandboxId);
      return {};
    }),

    ShutdownSandbox: calls.wrap("ShutdownSandbox", async ({ sandboxId }) => {
      const pod = podOf(sandboxId);
      await stop(pod);
      for (const task of pod.tasks().reverse()) await pod.delete(task, "");
      onShutdown();
      return {};
    }),

    SandboxMetrics: calls.wrap("SandboxMetrics", async ({ sandboxId }) => {
      const { sandbox } = podOf(sandboxId);
      const data = statsPayload(environment.backend.traits.statistics, await sandbox.statistics());
      return {
        metrics: Metric.create({
          timestamp: timestampFromDate(new Date(environment.clock.now())),
          id: sandboxId,
          data,
        }),
      };
    }),
  };
}

function createRequest(shim: Shim, request: CreateSandboxRequest): CreateRequest {
  const { sandboxId: id, bundlePath: bundle } = request;
  const pause = shim.environment.host.pauseProgram;
  if (pause === undefined) {
    throw new ShimError(
      "UNSUPPORTED",
      `cannot create sandbox "${id}": this platform has no program for a sandbox without an image; set sandboxer = "podsandbox"`,
    );
  }
  const config =
    (request.options && unpackAny(request.options, PodSandboxConfig)) ?? PodSandboxConfig.create();
  // Not the bundle's rootfs, which containerd wants empty at the end: mount points are made in here.
  const rootDirectory = join(bundle, PAUSE_ROOT);
  mkdirSync(rootDirectory, { recursive: true, mode: 0o711 });
  const dns = dnsSettings(config);
  const spec = sandboxSpec({ id, rootDirectory, networkNamespace: request.netnsPath, config, pause });
  return {
    id,
    bundle,
    rootfs: request.rootfs,
    terminal: false,
    stdio: { stdin: "", stdout: "", stderr: "" },
    spec,
    identity: { role: "sandbox", podId: id },
    isolation: "linux-vm",
    scaleProcessorLimit: false,
    scrubLogs: true,
    ...(dns === undefined ? {} : { dns }),
    options: shim.options.with(readAnnotations(spec.annotations)),
  };
}

/** Undefined: those of the network. Resolver options are not passed on, the guest's protocol has no field for them. */
function dnsSettings({ dnsConfig }: PodSandboxConfig): DnsSettings | undefined {
  const { searches = [], servers = [] } = dnsConfig ?? {};
  return searches.length + servers.length === 0 ? undefined : { search: searches, servers };
}
