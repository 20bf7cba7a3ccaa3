/**
 * Numbers and kinds of fields that containerd and its clients rely on, written down a second time: a slip in a
 * .proto text would change both ends of every test that encodes and decodes with the same module.
 */
import assert from "node:assert/strict";

import { BootstrapParams, BootstrapResult } from "../../../protos/gen/bootstrap.ts";
import { Metrics } from "../../../protos/gen/cgroups-v1.ts";
import { LinuxContainerSecurityContext, PodSandboxConfig } from "../../../protos/gen/cri.ts";
import { ForwardRequest, TaskCreate, TaskDelete, TaskExit } from "../../../protos/gen/events.ts";
import { Any, Status as RpcStatus, Timestamp } from "../../../protos/gen/google.ts";
import { Options as RuncOptions } from "../../../protos/gen/runc.ts";
import { Options as RunhcsOptions, ProcessDetails } from "../../../protos/gen/runhcs.ts";
import { Options as RuntimeOptions } from "../../../protos/gen/runtime-options.ts";
import { CreateSandboxRequest, SandboxStatusResponse } from "../../../protos/gen/sandbox.ts";
import { Statistics, WindowsContainerStatistics } from "../../../protos/gen/stats.ts";
import { Data, StreamInit, WindowUpdate } from "../../../protos/gen/streaming.ts";
import * as v2 from "../../../protos/gen/task-v2.ts";
import * as v3 from "../../../protos/gen/task-v3.ts";
import { Request, Response } from "../../../protos/gen/ttrpc.ts";
import { Envelope, Mount, ProcessInfo, RuntimeInfo } from "../../../protos/gen/types.ts";
import type { MessageType } from "../../../protos/types.ts";

const any: Any = { typeUrl: "t", value: new Uint8Array([1]) };
const ANY = "060a0174120101";
const time: Timestamp = { seconds: 1n, nanos: 2 };
const TIME = "0408011002";
const mount: Mount = { type: "a", source: "b", target: "c", options: ["d", "e"] };
const MOUNT = "0f0a01611201621a0163220164220165";

type Row<T> = [field: Partial<T>, hex: string];

/** Checks each field by itself, both ways, and that none was forgotten. */
function pins<T extends object>(type: MessageType<T>, rows: readonly Row<T>[]): void {
  describe(type.typeName, () => {
    for (const [field, hex] of rows) {
      it(`has ${Object.keys(field).join()} as ${hex}`, () => {
        const encoded = type.encode(field);
        assert.equal(Buffer.from(encoded).toString("hex"), hex);
        assert.deepEqual(type.decode(encoded), { ...type.create(), ...field });
      });
    }

    it("has no other field", () => {
      assert.deepEqual(
        rows.flatMap(([field]) => Object.keys(field)).toSorted(),
        Object.keys(type.create()).toSorted(),
      );
    });
  });
}

pins(Request, [
  [{ service: "a" }, "0a0161"],
  [{ method: "a" }, "120161"],
  [{ payload: new Uint8Array([7]) }, "1a0107"],
  [{ timeoutNano: 2_000_000_000n }, "2080a8d6b907"],
  [{ metadata: [{ key: "a", value: "b" }] }, "2a060a0161120162"],
]);
pins(Response, [
  [{ status: { code: 5, message: "a", details: [] } }, "0a050805120161"],
  [{ payload: new Uint8Array([7]) }, "120107"],
]);
pins(RpcStatus, [
  [{ code: 5 }, "0805"],
  [{ message: "a" }, "120161"],
  [{ details: [any] }, `1a${ANY}`],
]);
pins(Any, [
  [{ typeUrl: "a" }, "0a0161"],
  [{ value: new Uint8Array([7]) }, "120107"],
]);
pins(Timestamp, [
  [{ seconds: -62_135_596_800n }, "088092b8c398feffffff01"],
  [{ nanos: 999_999_999 }, "10ff93ebdc03"],
]);
pins(Mount, [
  [{ type: "a" }, "0a0161"],
  [{ source: "a" }, "120161"],
  [{ target: "a" }, "1a0161"],
  [{ options: ["a"] }, "220161"],
]);
pins(ProcessInfo, [
  [{ pid: 7 }, "0807"],
  [{ info: any }, `12${ANY}`],
]);
pins(RuntimeInfo, [
  [{ name: "a" }, "0a0161"],
  [{ version: { version: "a", revision: "b" } }, "12060a0161120162"],
  [{ options: any }, `1a${ANY}`],
  [{ features: any }, `22${ANY}`],
  [{ annotations: { a: "b" } }, "2a060a0161120162"],
]);
pins(Envelope, [
  [{ timestamp: time }, `0a${TIME}`],
  [{ namespace: "a" }, "120161"],
  [{ topic: "a" }, "1a0161"],
  [{ event: any }, `22${ANY}`],
]);
pins(ForwardRequest, [[{ envelope: { ...Envelope.create(), topic: "a" } }, "0a031a0161"]]);

for (const task of [v2, v3]) {
  pins(task.CreateTaskRequest, [
    [{ id: "a" }, "0a0161"],
    [{ bundle: "a" }, "120161"],
    [{ rootfs: [mount] }, `1a${MOUNT}`],
    [{ terminal: true }, "2001"],
    [{ stdin: "a" }, "2a0161"],
    [{ stdout: "a" }, "320161"],
    [{ stderr: "a" }, "3a0161"],
    [{ checkpoint: "a" }, "420161"],
    [{ parentCheckpoint: "a" }, "4a0161"],
    [{ options: any }, `52${ANY}`],
  ]);
  pins(task.StateResponse, [
    [{ id: "a" }, "0a0161"],
    [{ bundle: "a" }, "120161"],
    [{ pid: 7 }, "1807"],
    [{ status: 3 }, "2003"],
    [{ stdin: "a" }, "2a0161"],
    [{ stdout: "a" }, "320161"],
    [{ stderr: "a" }, "3a0161"],
    [{ terminal: true }, "4001"],
    [{ exitStatus: 0xc000013a }, "48ba8280800c"],
    [{ exitedAt: time }, `52${TIME}`],
    [{ execId: "a" }, "5a0161"],
  ]);
  pins(task.ExecProcessRequest, [
    [{ id: "a" }, "0a0161"],
    [{ execId: "a" }, "120161"],
    [{ terminal: true }, "1801"],
    [{ stdin: "a" }, "220161"],
    [{ stdout: "a" }, "2a0161"],
    [{ stderr: "a" }, "320161"],
    [{ spec: any }, `3a${ANY}`],
  ]);
  pins(task.KillRequest, [
    [{ id: "a" }, "0a0161"],
    [{ execId: "a" }, "120161"],
    [{ signal: 15 }, "180f"],
    [{ all: true }, "2001"],
  ]);
  pins(task.DeleteResponse, [
    [{ pid: 7 }, "0807"],
    [{ exitStatus: 137 }, "108901"],
    [{ exitedAt: time }, `1a${TIME}`],
  ]);
  pins(task.WaitResponse, [
    [{ exitStatus: 137 }, "088901"],
    [{ exitedAt: time }, `12${TIME}`],
  ]);
  pins(task.ConnectResponse, [
    [{ shimPid: 7 }, "0807"],
    [{ taskPid: 7 }, "1007"],
    [{ version: "a" }, "1a0161"],
  ]);
  pins(task.UpdateTaskRequest, [
    [{ id: "a" }, "0a0161"],
    [{ resources: any }, `12${ANY}`],
    [{ annotations: { a: "b" } }, "1a060a0161120162"],
  ]);
}

pins(TaskCreate, [
  [{ containerId: "a" }, "0a0161"],
  [{ bundle: "a" }, "120161"],
  [{ rootfs: [mount] }, `1a${MOUNT}`],
  [{ io: { stdin: "a", stdout: "b", stderr: "c", terminal: true } }, "220b0a01611201621a01632001"],
  [{ checkpoint: "a" }, "2a0161"],
  [{ pid: 7 }, "3007"],
]);
pins(TaskExit, [
  [{ containerId: "a" }, "0a0161"],
  [{ id: "a" }, "120161"],
  [{ pid: 7 }, "1807"],
  [{ exitStatus: 137 }, "208901"],
  [{ exitedAt: time }, `2a${TIME}`],
]);
pins(TaskDelete, [
  [{ containerId: "a" }, "0a0161"],
  [{ pid: 7 }, "1007"],
  [{ exitStatus: 137 }, "188901"],
  [{ exitedAt: time }, `22${TIME}`],
  [{ id: "a" }, "2a0161"],
]);
pins(RunhcsOptions, [
  [{ debug: true }, "0801"],
  [{ debugType: 2 }, "1002"],
  [{ registryRoot: "a" }, "1a0161"],
  [{ sandboxImage: "a" }, "220161"],
  [{ sandboxPlatform: "a" }, "2a0161"],
  [{ sandboxIsolation: 1 }, "3001"],
  [{ bootFilesRootPath: "a" }, "3a0161"],
  [{ vmProcessorCount: 7 }, "4007"],
  [{ vmMemorySizeInMb: 7 }, "4807"],
  [{ GPUVHDPath: "a" }, "520161"],
  [{ scaleCpuLimitsToSandbox: true }, "5801"],
  [{ defaultContainerScratchSizeInGb: 7 }, "6007"],
  [{ defaultVmScratchSizeInGb: 7 }, "6807"],
  [{ shareScratch: true }, "7001"],
  [{ NCProxyAddr: "a" }, "7a0161"],
  [{ logLevel: "a" }, "82010161"],
  [{ ioRetryTimeoutInSec: 7 }, "880107"],
  [{ defaultContainerAnnotations: { a: "b" } }, "9201060a0161120162"],
  [{ noInheritHostTimezone: true }, "980101"],
  [{ scrubLogs: false }, "a00100"],
]);
pins(ProcessDetails, [
  [{ imageName: "a" }, "0a0161"],
  [{ createdAt: time }, `12${TIME}`],
  [{ kernelTime100Ns: 7n }, "1807"],
  [{ memoryCommitBytes: 7n }, "2007"],
  [{ memoryWorkingSetPrivateBytes: 7n }, "2807"],
  [{ memoryWorkingSetSharedBytes: 7n }, "3007"],
  [{ processId: 7 }, "3807"],
  [{ userTime100Ns: 7n }, "4007"],
  [{ execId: "a" }, "4a0161"],
]);
pins(RuncOptions, [
  [{ noPivotRoot: true }, "0801"],
  [{ noNewKeyring: true }, "1001"],
  [{ shimCgroup: "a" }, "1a0161"],
  [{ ioUid: 7 }, "2007"],
  [{ ioGid: 7 }, "2807"],
  [{ binaryName: "a" }, "320161"],
  [{ root: "a" }, "3a0161"],
  [{ systemdCgroup: true }, "4801"],
  [{ criuImagePath: "a" }, "520161"],
  [{ criuWorkPath: "a" }, "5a0161"],
  [{ taskApiAddress: "a" }, "620161"],
  [{ taskApiVersion: 3 }, "6803"],
]);
pins(RuntimeOptions, [
  [{ typeUrl: "a" }, "0a0161"],
  [{ configPath: "a" }, "120161"],
  [{ configBody: new Uint8Array([7]) }, "1a0107"],
]);
pins(Statistics, [
  [{ windows: WindowsContainerStatistics.create({ uptimeNs: 7n }) }, "0a021807"],
  [{ linux: Metrics.create() }, "1200"],
  [{ vm: { processor: { totalRuntimeNs: 7n }, memory: undefined } }, "1a040a020807"],
]);
pins(BootstrapParams, [
  [{ instanceId: "a" }, "0a0161"],
  [{ namespace: "a" }, "120161"],
  [{ logLevel: -4 }, "18fcffffffffffffffff01"],
  [{ containerdVersion: "a" }, "220161"],
  [{ containerdTtrpcAddress: "a" }, "2a0161"],
  [{ containerdGrpcAddress: "a" }, "320161"],
  [{ containerdBinary: "a" }, "3a0161"],
  [{ extensions: [{ value: any }] }, `42080a${ANY}`],
  [{ socketDir: "a" }, "4a0161"],
]);
pins(BootstrapResult, [
  [{ version: 3 }, "0803"],
  [{ address: "a" }, "120161"],
  [{ protocol: "a" }, "1a0161"],
  [{ capabilities: [0] }, "220100"],
  [{ metadata: { a: "b" } }, "2a060a0161120162"],
]);
pins(CreateSandboxRequest, [
  [{ sandboxId: "a" }, "0a0161"],
  [{ bundlePath: "a" }, "120161"],
  [{ rootfs: [mount] }, `1a${MOUNT}`],
  [{ options: any }, `22${ANY}`],
  [{ netnsPath: "a" }, "2a0161"],
  [{ annotations: { a: "b" } }, "32060a0161120162"],
]);
pins(SandboxStatusResponse, [
  [{ sandboxId: "a" }, "0a0161"],
  [{ pid: 7 }, "1007"],
  [{ state: "a" }, "1a0161"],
  [{ info: { a: "b" } }, "22060a0161120162"],
  [{ createdAt: time }, `2a${TIME}`],
  [{ exitedAt: time }, `32${TIME}`],
  [{ extra: any }, `3a${ANY}`],
]);
pins(StreamInit, [[{ id: "a" }, "0a0161"]]);
pins(Data, [[{ data: new Uint8Array([7]) }, "0a0107"]]);
pins(WindowUpdate, [[{ update: 65536 }, "08808004"]]);
pins(PodSandboxConfig, [
  [{ metadata: { name: "a", uid: "b", namespace: "c", attempt: 1 } }, "0a0b0a01611201621a01632001"],
  [{ hostname: "a" }, "120161"],
  [{ logDirectory: "a" }, "1a0161"],
  [{ dnsConfig: { servers: ["a"], searches: ["b"], options: ["c"] } }, "22090a01611201621a0163"],
  [{ portMappings: [{ protocol: 1, containerPort: 2, hostPort: 3, hostIp: "a" }] }, "2a09080110021803220161"],
  [{ labels: { a: "b" } }, "32060a0161120162"],
  [{ annotations: { a: "b" } }, "3a060a0161120162"],
  [
    {
      linux: {
        cgroupParent: "a",
        securityContext: undefined,
        sysctls: {},
        overhead: undefined,
        resources: undefined,
      },
    },
    "42030a0161",
  ],
  [
    {
      windows: {
        securityContext: {
          runAsUsername: "a",
          credentialSpec: "b",
          hostProcess: true,
          namespaceOptions: undefined,
        },
      },
    },
    "4a0a0a080a01611201621801",
  ],
]);
pins(LinuxContainerSecurityContext, [
  [
    { capabilities: { addCapabilities: ["a"], dropCapabilities: ["b"], addAmbientCapabilities: ["c"] } },
    "0a090a01611201621a0163",
  ],
  [{ privileged: true }, "1001"],
  [
    { namespaceOptions: { network: 2, pid: 1, ipc: 3, targetId: "a", usernsOptions: undefined } },
    "1a09080210011803220161",
  ],
  [{ selinuxOptions: { user: "a", role: "b", type: "c", level: "d" } }, "220c0a01611201621a0163220164"],
  [{ runAsUser: { value: 7n } }, "2a020807"],
  [{ runAsUsername: "a" }, "320161"],
  [{ readonlyRootfs: true }, "3801"],
  [{ supplementalGroups: [7n, 8n] }, "42020708"],
  [{ apparmorProfile: "a" }, "4a0161"],
  [{ seccompProfilePath: "a" }, "520161"],
  [{ noNewPrivs: true }, "5801"],
  [{ runAsGroup: { value: 7n } }, "62020807"],
  [{ maskedPaths: ["a"] }, "6a0161"],
  [{ readonlyPaths: ["a"] }, "720161"],
  [{ seccomp: { profileType: 2, localhostRef: "a" } }, "7a050802120161"],
  [{ apparmor: { profileType: 1, localhostRef: "" } }, "8201020801"],
  [{ supplementalGroupsPolicy: 1 }, "880101"],
]);
