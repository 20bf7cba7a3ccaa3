import assert from "node:assert/strict";

import { packAny, typeNameOf, unpackAny } from "../../../protos/any.ts";
import { TaskStart } from "../../../protos/gen/events.ts";
import * as runc from "../../../protos/gen/runc.ts";
import * as runhcs from "../../../protos/gen/runhcs.ts";
import * as typeUrls from "../../../protos/type-urls.ts";
import { WireError } from "../../../protos/wire.ts";

describe("packAny", () => {
  it("writes the bare type name", () => {
    assert.deepEqual(packAny(TaskStart, { containerId: "a", pid: 7 }), {
      typeUrl: "containerd.events.TaskStart",
      value: new Uint8Array([10, 1, 97, 16, 7]),
    });
  });
});

describe("unpackAny", () => {
  const value = new Uint8Array([10, 1, 97]);

  for (const typeUrl of ["containerd.events.TaskStart", "type.googleapis.com/containerd.events.TaskStart"]) {
    it(`reads ${typeUrl}`, () => {
      assert.deepEqual(unpackAny({ typeUrl, value }, TaskStart), { containerId: "a", pid: 0 });
    });
  }

  it("answers nothing for another type", () => {
    const any = packAny(runc.Options, { root: "/run/runc" });
    assert.equal(unpackAny(any, runhcs.Options), undefined);
    assert.equal(unpackAny({ typeUrl: "", value }, TaskStart), undefined);
  });

  it("refuses what is of the type and no valid encoding", () => {
    const any = { typeUrl: TaskStart.typeName, value: value.subarray(0, 2) };
    assert.throws(() => unpackAny(any, TaskStart), WireError);
  });
});

describe("typeNameOf", () => {
  const names: [url: string, name: string][] = [
    ["a.b.C", "a.b.C"],
    ["type.googleapis.com/a.b.C", "a.b.C"],
    ["/a.b.C", "a.b.C"],
    ["", ""],
    [
      "types.containerd.io/opencontainers/runtime-spec/1/Process",
      "types.containerd.io/opencontainers/runtime-spec/1/Process",
    ],
  ];
  for (const [url, name] of names) {
    it(`finds "${name}" in "${url}"`, () => {
      assert.equal(typeNameOf(url), name);
    });
  }

  it("leaves the type URLs of JSON whole", () => {
    for (const url of Object.values(typeUrls)) assert.equal(typeNameOf(url), url);
  });
});

describe("type URLs of JSON", () => {
  it("are those of containerd's and hcsshim's registries", () => {
    assert.deepEqual(Object.values(typeUrls).toSorted(), [
      "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/ContainerMount",
      "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/PolicyFragment",
      "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources",
      "types.containerd.io/opencontainers/runtime-spec/1/Process",
      "types.containerd.io/opencontainers/runtime-spec/1/Spec",
      "types.containerd.io/opencontainers/runtime-spec/1/WindowsResources",
      "types.containerd.io/opencontainers/runtime-spec/1/features/Features",
    ]);
  });
});
