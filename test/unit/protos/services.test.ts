import assert from "node:assert/strict";

import { ImageService, RuntimeService } from "../../../protos/gen/cri.ts";
import { Diag } from "../../../protos/gen/diag.ts";
import { Events } from "../../../protos/gen/events.ts";
import { ExtendedTask } from "../../../protos/gen/extended-task.ts";
import { Sandbox } from "../../../protos/gen/sandbox.ts";
import { ShimDiag } from "../../../protos/gen/shim-diag.ts";
import { Streaming } from "../../../protos/gen/streaming.ts";
import { Task as TaskV2 } from "../../../protos/gen/task-v2.ts";
import { Task as TaskV3 } from "../../../protos/gen/task-v3.ts";
import type { ServiceDescriptor, ServiceHandlers } from "../../../protos/types.ts";

const TASK = [
  "State: StateRequest → StateResponse",
  "Create: CreateTaskRequest → CreateTaskResponse",
  "Start: StartRequest → StartResponse",
  "Delete: DeleteRequest → DeleteResponse",
  "Pids: PidsRequest → PidsResponse",
  "Pause: PauseRequest → Empty",
  "Resume: ResumeRequest → Empty",
  "Checkpoint: CheckpointTaskRequest → Empty",
  "Kill: KillRequest → Empty",
  "Exec: ExecProcessRequest → Empty",
  "ResizePty: ResizePtyRequest → Empty",
  "CloseIO: CloseIORequest → Empty",
  "Update: UpdateTaskRequest → Empty",
  "Wait: WaitRequest → WaitResponse",
  "Stats: StatsRequest → StatsResponse",
  "Connect: ConnectRequest → ConnectResponse",
  "Shutdown: ShutdownRequest → Empty",
];

const services: [service: ServiceDescriptor, typeName: string, methods: string[]][] = [
  [TaskV2, "containerd.task.v2.Task", TASK],
  [TaskV3, "containerd.task.v3.Task", TASK],
  [Events, "containerd.services.events.ttrpc.v1.Events", ["Forward: ForwardRequest → Empty"]],
  [Streaming, "containerd.services.streaming.v1.Streaming", ["Stream: stream Any → stream Any"]],
  [
    Sandbox,
    "containerd.runtime.sandbox.v1.Sandbox",
    [
      "CreateSandbox: CreateSandboxRequest → CreateSandboxResponse",
      "StartSandbox: StartSandboxRequest → StartSandboxResponse",
      "Platform: PlatformRequest → PlatformResponse",
      "StopSandbox: StopSandboxRequest → StopSandboxResponse",
      "WaitSandbox: WaitSandboxRequest → WaitSandboxResponse",
      "SandboxStatus: SandboxStatusRequest → SandboxStatusResponse",
      "PingSandbox: PingRequest → PingResponse",
      "ShutdownSandbox: ShutdownSandboxRequest → ShutdownSandboxResponse",
      "SandboxMetrics: SandboxMetricsRequest → SandboxMetricsResponse",
    ],
  ],
  [
    ShimDiag,
    "containerd.runhcs.v1.diag.ShimDiag",
    [
      "DiagExecInHost: ExecProcessRequest → ExecProcessResponse",
      "DiagStacks: StacksRequest → StacksResponse",
      "DiagTasks: TasksRequest → TasksResponse",
      "DiagShare: ShareRequest → ShareResponse",
      "DiagPid: PidRequest → PidResponse",
    ],
  ],
  [
    ExtendedTask,
    "ExtendedTask",
    ["ComputeProcessorInfo: ComputeProcessorInfoRequest → ComputeProcessorInfoResponse"],
  ],
  [
    Diag,
    "runhcs.diag.v1.Diag",
    [
      "Timeline: TimelineRequest → TimelineResponse",
      "Report: ReportRequest → ReportResponse",
      "Agent: AgentRequest → AgentResponse",
      "Boundary: BoundaryRequest → BoundaryResponse",
    ],
  ],
  [
    RuntimeService,
    "runtime.v1.RuntimeService",
    [
      "Version",
      "RunPodSandbox",
      "StopPodSandbox",
      "RemovePodSandbox",
      "PodSandboxStatus",
      "ListPodSandbox",
      "CreateContainer",
      "StartContainer",
      "StopContainer",
      "RemoveContainer",
      "ListContainers",
      "ContainerStatus",
      "UpdateContainerResources",
      "ReopenContainerLog",
      "ExecSync",
      "Exec",
      "Attach",
      "ContainerStats",
      "ListContainerStats",
      "PodSandboxStats",
      "ListPodSandboxStats",
      "Status",
    ].map((name) => `${name}: ${name}Request → ${name}Response`),
  ],
  [
    ImageService,
    "runtime.v1.ImageService",
    ["ListImages", "ImageStatus", "ImageFsInfo"].map((name) => `${name}: ${name}Request → ${name}Response`),
  ],
];

for (const [service, typeName, methods] of services) {
  describe(typeName, () => {
    it("has its full name", () => {
      assert.equal(service.typeName, typeName);
    });

    it("has the methods of its .proto text", () => {
      const short = (name: string): string => name.slice(name.lastIndexOf(".") + 1);
      assert.deepEqual(
        Object.values(service.methods).map((method) => {
          const input = `${method.clientStreaming ? "stream " : ""}${short(method.input.typeName)}`;
          const output = `${method.serverStreaming ? "stream " : ""}${short(method.output.typeName)}`;
          return `${method.name}: ${input} → ${output}`;
        }),
        methods,
      );
    });

    it("names each method as it is keyed", () => {
      assert.deepEqual(
        Object.values(service.methods).map((method) => method.name),
        Object.keys(service.methods),
      );
    });
  });
}

describe("ServiceHandlers", () => {
  it("types unary handlers by their messages, and lets one object serve both versions of the task service", async () => {
    const handlers: Pick<ServiceHandlers<typeof TaskV2, undefined>, "Start"> = {
      Start: (request) => ({ pid: request.execId.length }),
    };
    const alsoV3: Pick<ServiceHandlers<typeof TaskV3, undefined>, "Start"> = handlers;
    assert.deepEqual(await alsoV3.Start({ id: "web", execId: "ab" }, undefined), { pid: 2 });
  });

  it("types streaming handlers by iterables", async () => {
    const handlers: ServiceHandlers<typeof Streaming, undefined> = {
      Stream: async function* (requests) {
        for await (const { typeUrl } of requests) yield { typeUrl };
      },
    };
    async function* requests(): AsyncIterable<{ typeUrl: string; value: Uint8Array }> {
      yield { typeUrl: "a", value: new Uint8Array(0) };
    }
    const answers: unknown[] = [];
    for await (const answer of handlers.Stream(requests(), undefined)) answers.push(answer);
    assert.deepEqual(answers, [{ typeUrl: "a" }]);
  });
});
