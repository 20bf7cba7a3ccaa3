import assert from "node:assert/strict";

import { BootstrapParams, LogLevel } from "../../../protos/gen/bootstrap.ts";
import { PSIData, Metrics as MetricsV2 } from "../../../protos/gen/cgroups-v2.ts";
import { CPUUsage } from "../../../protos/gen/cgroups-v1.ts";
import { Empty } from "../../../protos/gen/google.ts";
import { Options } from "../../../protos/gen/runhcs.ts";
import { Statistics } from "../../../protos/gen/stats.ts";
import { CreateTaskRequest, StateResponse, UpdateTaskRequest } from "../../../protos/gen/task-v2.ts";
import { Request } from "../../../protos/gen/ttrpc.ts";
import { Platform, Status } from "../../../protos/gen/types.ts";
import { WireError } from "../../../protos/wire.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("create", () => {
  it("gives every field its default", () => {
    assert.deepEqual(CreateTaskRequest.create(), {
      id: "",
      bundle: "",
      rootfs: [],
      terminal: false,
      stdin: "",
      stdout: "",
      stderr: "",
      checkpoint: "",
      parentCheckpoint: "",
      options: undefined,
    });
  });

  it("takes given fields over defaults", () => {
    assert.deepEqual(StateResponse.create({ id: "web", status: Status.RUNNING, pid: 7 }), {
      ...StateResponse.create(),
      id: "web",
      status: 2,
      pid: 7,
    });
  });

  it("shares no lists or maps between messages", () => {
    const first = CreateTaskRequest.create();
    first.rootfs.push({ type: "bind", source: "/a", target: "", options: [] });
    const second = UpdateTaskRequest.create();
    second.annotations["a"] = "b";
    assert.deepEqual(CreateTaskRequest.create().rootfs, []);
    assert.deepEqual(UpdateTaskRequest.create().annotations, {});
  });
});

describe("encode", () => {
  it("omits defaults", () => {
    assert.equal(hex(CreateTaskRequest.encode(CreateTaskRequest.create())), "");
    assert.equal(hex(CreateTaskRequest.encode({})), "");
    assert.equal(hex(Empty.encode({})), "");
  });

  it("writes an optional field whenever it is set, a default included", () => {
    assert.equal(hex(Options.encode({ scrubLogs: false })), "a00100");
    assert.equal(hex(BootstrapParams.encode({ socketDir: "" })), "4a00");
  });

  it("writes an empty nested message", () => {
    assert.equal(hex(Statistics.encode({ vm: { processor: undefined, memory: undefined } })), "1a00");
  });

  it("writes negative zero and not-a-number, which differ from the default", () => {
    assert.equal(hex(PSIData.encode({ avg10: -0 })), "090000000000000080");
    assert.equal(hex(PSIData.encode({ avg10: 0, avg60: Number.NaN })), "11000000000000f87f");
  });

  it("writes a negative enum value as ten bytes", () => {
    assert.equal(
      hex(BootstrapParams.encode({ logLevel: LogLevel.LOG_LEVEL_TRACE })),
      "18f8ffffffffffffffff01",
    );
  });

  it("writes repeated numbers packed", () => {
    assert.equal(hex(CPUUsage.encode({ perCpu: [1n, 300n] })), "220301ac02");
  });

  it("writes fields by number and map keys sorted, whatever the order of the object", () => {
    const message = { annotations: { b: "2", a: "1", "10": "x" }, id: "web" };
    assert.equal(
      hex(UpdateTaskRequest.encode(message)),
      hex(bytes("0a03776562 1a070a023130120178 1a060a0161120131 1a060a0162120132")),
    );
  });

  it("names the message in an error", () => {
    assert.throws(
      () => StateResponse.encode({ exitStatus: -1 }),
      (error) =>
        error instanceof WireError &&
        error.message === "cannot encode containerd.task.v2.StateResponse: -1 is no uint32",
    );
  });

  it("passes on errors of another kind", () => {
    const message = { timeoutNano: 5 as unknown as bigint };
    assert.throws(() => Request.encode(message), TypeError);
  });

  it("is not held back by a long message before", () => {
    const long = { id: "x".repeat(100_000) };
    assert.equal(StateResponse.encode(long).length, 100_004);
    assert.ok(StateResponse.encode({ id: "x" }).buffer.byteLength < 100_000);
  });
});

describe("decode", () => {
  it("reads nothing as all defaults", () => {
    assert.deepEqual(StateResponse.decode(bytes("")), StateResponse.create());
  });

  it("takes the last of several values of one field", () => {
    assert.equal(StateResponse.decode(bytes("0a0161 1807 1808 0a0162")).id, "b");
    assert.equal(StateResponse.decode(bytes("1807 1808")).pid, 8);
  });

  it("merges a message that occurs in pieces", () => {
    assert.deepEqual(CreateTaskRequest.decode(bytes("5203 0a0178 5203 120101")).options, {
      typeUrl: "x",
      value: new Uint8Array([1]),
    });
  });

  it("keeps the last member of a oneof alone", () => {
    const both = bytes("0a00 1200");
    assert.equal(Statistics.decode(both).windows, undefined);
    assert.notEqual(Statistics.decode(both).linux, undefined);
  });

  it("skips fields it does not know, of every kind", () => {
    assert.equal(
      StateResponse.decode(bytes("9a0601ff a10601020304050607 08 0a0161 a506 01020304 a00601 b306 0801 b406"))
        .id,
      "a",
    );
  });

  it("skips a known field of another wire type", () => {
    assert.deepEqual(StateResponse.decode(bytes("0807 1a0161")), StateResponse.create());
  });

  it("reads repeated numbers packed, not packed, and both", () => {
    for (const input of ["220301ac02", "2001 20ac02", "2001 2202ac02", "2200 2001 20ac02"]) {
      assert.deepEqual(CPUUsage.decode(bytes(input)).perCpu, [1n, 300n], input);
    }
  });

  it("reads negative enum values, in ten bytes and in five", () => {
    assert.equal(BootstrapParams.decode(bytes("18f8ffffffffffffffff01")).logLevel, -8);
    assert.equal(BootstrapParams.decode(bytes("18f8ffffff0f")).logLevel, -8);
  });

  it("tells an optional field that is absent from one at its default", () => {
    assert.equal(Options.decode(bytes("")).scrubLogs, undefined);
    assert.equal(Options.decode(bytes("a00100")).scrubLogs, false);
  });

  it("reads map entries without key or value, with strange fields, and twice the same key", () => {
    const read = (input: string): Record<string, string> =>
      UpdateTaskRequest.decode(bytes(input)).annotations;
    assert.deepEqual(read("1a00"), { "": "" });
    assert.deepEqual(read("1a030a0161"), { a: "" });
    assert.deepEqual(read("1a03120131"), { "": "1" });
    assert.deepEqual(read("1a08 1801 120131 0a0161"), { a: "1" });
    assert.deepEqual(read("1a06 0a0161 120131 1a06 0a0161 120132"), { a: "2" });
  });

  it("keeps a map key named __proto__ from becoming a prototype", () => {
    const record = UpdateTaskRequest.decode(bytes("1a0e 0a09 5f5f70726f746f5f5f 120131")).annotations;
    assert.deepEqual(Object.entries(record), [["__proto__", "1"]]);
    assert.equal(Object.getPrototypeOf(record), Object.prototype);
    assert.equal(hex(UpdateTaskRequest.encode({ annotations: record })), "1a0e0a095f5f70726f746f5f5f120131");
  });

  it("names the message and the place in an error", () => {
    assert.throws(
      () => CreateTaskRequest.decode(bytes("0a0161 5203 0a0578")),
      (error) =>
        error instanceof WireError &&
        error.message ===
          "cannot decode containerd.task.v2.CreateTaskRequest: 5 bytes announced, 1 left (at byte 7)" &&
        error.offset === 7,
    );
  });

  it("shares memory with the input", () => {
    const input = bytes("5203 120101");
    const { options } = CreateTaskRequest.decode(input);
    input[4] = 9;
    assert.deepEqual(options?.value, new Uint8Array([9]));
  });

  it("keeps all 64 bits", () => {
    const limit = 2n ** 64n - 1n;
    const encoded = MetricsV2.encode({ pids: { current: 2n ** 53n + 1n, limit } });
    assert.deepEqual(MetricsV2.decode(encoded).pids, { current: 9007199254740993n, limit });
  });

  it("reads what a newer peer adds to a message it knows", () => {
    // Platform with field 6, which no version has yet.
    assert.equal(Platform.decode(bytes("0a056c696e7578 320161")).os, "linux");
  });
});
