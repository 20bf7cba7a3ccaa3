import assert from "node:assert/strict";
import { SpecError } from "../../../oci/errors.ts";
import { parseSpec, readAnnotations, readProcess, readSpec } from "../../../oci/spec.ts";

describe("parseSpec", () => {
  it("keeps members it does not know in the document", () => {
    const spec = parseSpec('{"ociVersion":"1.1.0","linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}}');
    assert.deepEqual(spec.document["linux"], { seccomp: { defaultAction: "SCMP_ACT_ERRNO" } });
  });

  it("treats null members as absent", () => {
    const spec = parseSpec('{"annotations":null,"process":null,"mounts":null,"linux":null}');
    assert.deepEqual(
      [spec.annotations, spec.process, spec.mounts, spec.linux],
      [{}, undefined, [], undefined],
    );
  });

  it("refuses text that is not JSON", () => {
    assert.throws(() => parseSpec("{"), /invalid config\.json: is not JSON/);
  });
});

describe("readSpec", () => {
  const PLACES: readonly (readonly [unknown, string])[] = [
    [[], "config.json"],
    [{ hostname: 1 }, "/hostname"],
    [{ annotations: { "a/b~c": 1 } }, "/annotations/a~1b~0c"],
    [{ process: { args: ["sh", 1] } }, "/process/args/1"],
    [{ process: { user: { username: 5 } } }, "/process/user/username"],
    [{ linux: {}, mounts: [{ destination: "/a" }, {}] }, "/mounts/1/destination"],
    [{ windows: { resources: { cpu: { count: -1 } } } }, "/windows/resources/cpu/count"],
    [{ windows: { resources: { cpu: { affinity: [1] } } } }, "/windows/resources/cpu/affinity/0"],
    [{ mounts: ["x"] }, "/mounts/0"],
    [{ mounts: [{ destination: "/a", options: "ro" }] }, "/mounts/0/options"],
    [{ linux: { namespaces: [{ path: "/p" }] } }, "/linux/namespaces/0/type"],
    [{ linux: { namespaces: {} } }, "/linux/namespaces"],
    [{ windows: { network: { networkNamespace: {} } } }, "/windows/network/networkNamespace"],
    [{ windows: { resources: { memory: { limit: "1" } } } }, "/windows/resources/memory/limit"],
  ];
  for (const [document, at] of PLACES) {
    it(`names ${at} when it is wrong`, () => {
      assert.throws(
        () => readSpec(document),
        (error: unknown) => error instanceof SpecError && error.at === at,
      );
    });
  }

  it("leaves zero resources out", () => {
    const { windows } = readSpec({
      windows: { resources: { memory: { limit: 0 }, cpu: { count: 2, shares: 0 } } },
    });
    assert.deepEqual(windows?.resources, { cpuCount: 2 });
  });

  it("counts an empty network namespace as none", () => {
    assert.equal(
      readSpec({ windows: { network: { networkNamespace: "" } } }).windows?.networkNamespace,
      undefined,
    );
  });
});

describe("readAnnotations", () => {
  it("reads annotations of a document that is otherwise wrong", () => {
    assert.deepEqual(readAnnotations({ process: 5, annotations: { a: "b" } }), { a: "b" });
  });
});

describe("readProcess", () => {
  it("reads what an exec carries", () => {
    const process = readProcess(
      { terminal: true, args: ["sh"], user: { username: "app" }, consoleSize: { height: 2, width: 3 } },
      "",
    );
    assert.equal(process.terminal, true);
    assert.equal(process.username, "app");
    assert.deepEqual(process.consoleSize, { height: 2, width: 3 });
  });
});
