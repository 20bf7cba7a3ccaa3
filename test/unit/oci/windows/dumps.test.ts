import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { dumpRegistryValues } from "../../../../oci/windows/dumps.ts";

const LOCATION = "io.microsoft.container.processdumplocation";
const TYPE = "io.microsoft.wcow.processdumptype";
const COUNT = "io.microsoft.wcow.processdumpcount";
const dumps = (annotations: Record<string, string>, inherited?: string) =>
  dumpRegistryValues(new AnnotationReader(annotations), "c1", inherited).map(
    ({ Name, StringValue, DWordValue }) => [Name, StringValue ?? DWordValue],
  );

describe("dumpRegistryValues", () => {
  it("keeps ten full dumps by default", () => {
    assert.deepEqual(dumps({ [LOCATION]: "C:\\dumps" }), [
      ["DumpFolder", "C:\\dumps"],
      ["DumpType", 2],
      ["DumpCount", 10],
    ]);
  });

  it("sets nothing without a folder, whatever type and count say", () => {
    assert.deepEqual(dumps({ [TYPE]: "huge", [COUNT]: "0" }), []);
  });

  it("has the pod's folder, unless its own is given, be it empty", () => {
    assert.deepEqual(dumps({}, "C:\\pod")[0], ["DumpFolder", "C:\\pod"]);
    assert.deepEqual(dumps({ [LOCATION]: "C:\\own" }, "C:\\pod")[0], ["DumpFolder", "C:\\own"]);
    assert.deepEqual(dumps({ [LOCATION]: "" }, "C:\\pod"), []);
  });

  const FOLDERS: readonly (readonly [string, string])[] = [
    ["C:\\d\\{container_id}", "C:\\d\\c1"],
    ["C:\\d\\{CONTAINER_ID}", "C:\\d\\c1"],
    ["C:\\d\\{Container_Id}", "C:\\d\\{Container_Id}"],
    ["C:\\{container_id}\\d", "C:\\{container_id}\\d"],
  ];
  for (const [folder, expected] of FOLDERS) {
    it(`writes to ${expected} for ${folder}`, () => {
      assert.equal(dumps({ [LOCATION]: folder })[0]?.[1], expected);
    });
  }

  it("knows mini dumps", () => assert.equal(dumps({ [LOCATION]: "C:\\d", [TYPE]: "mini" })[1]?.[1], 1));

  for (const [key, value] of [
    [TYPE, "Mini"],
    [TYPE, ""],
    [COUNT, "0"],
    [COUNT, "-1"],
    [COUNT, "many"],
  ] as const) {
    it(`refuses ${JSON.stringify(value)} for ${key}`, () => {
      assert.throws(
        () => dumps({ [LOCATION]: "C:\\d", [key]: value }),
        new RegExp(key.replaceAll(".", "\\.")),
      );
    });
  }
});
