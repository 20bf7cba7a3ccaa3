import assert from "node:assert/strict";
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { generate, readProtos, staleFiles } from "../../../scripts/protos.ts";
import { emitModule } from "../../../scripts/protos/emit.ts";
import { fieldName } from "../../../scripts/protos/fields.ts";
import { loadModel, type ProtoFile } from "../../../scripts/protos/model.ts";

/** The module generated from one .proto body, in package `p`. */
function emit(body: string, more: readonly ProtoFile[] = []): string {
  const imports = more.map((file) => `import "${file.path}";`).join("\n");
  const file = { path: "a.proto", text: `syntax = "proto3";\npackage p;\n${imports}\n${body}` };
  const table = Object.fromEntries([file, ...more].map(({ path }) => [path.replace(".proto", ""), [path]]));
  const model = loadModel([file, ...more], table);
  const module = model.modules.find(({ name }) => name === "a");
  assert.ok(module);
  return emitModule(model, module, "..");
}

describe("protos/gen", () => {
  it("is what the .proto texts give (else: npm run protos)", () => {
    assert.deepEqual(staleFiles(generate()), []);
  });

  it("is given alike every time", () => {
    assert.deepEqual(generate(), generate());
  });
});

describe("npm run protos", () => {
  const script = fileURLToPath(new URL("../../../scripts/protos.ts", import.meta.url));
  const run = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, ["--import", "tsx", script, ...args], { encoding: "utf8" });

  it("finds nothing to say about current files", () => {
    const { status, stdout, stderr } = run("--check");
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
  });

  it("refuses arguments it does not know", () => {
    const { status, stderr } = run("--chekc");
    assert.equal(status, 2);
    assert.equal(
      stderr,
      "cannot generate protos: unknown argument --chekc (--check compares, nothing writes)\n",
    );
  });
}).timeout(30_000);

describe("readProtos", () => {
  it("finds every .proto text of the repository, by its path below protos/proto", () => {
    const paths = readProtos().map((file) => file.path);
    assert.ok(paths.includes("containerd/task/v2/task.proto"));
    assert.deepEqual(paths, paths.toSorted());
  });
});

describe("staleFiles", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "protos-"));
    writeFileSync(join(folder, "same.ts"), "1");
    writeFileSync(join(folder, "other.ts"), "2");
    writeFileSync(join(folder, "extra.ts"), "3");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("names files that are missing, different or superfluous", () => {
    const expected = new Map([
      ["same.ts", "1"],
      ["other.ts", "x"],
      ["missing.ts", "x"],
    ]);
    assert.deepEqual(staleFiles(expected, folder), ["extra.ts", "missing.ts", "other.ts"]);
  });
});

describe("loadModel", () => {
  const proto = (path: string, body: string): ProtoFile => ({ path, text: `syntax = "proto3";\n${body}` });

  it("refuses a file that is in no module", () => {
    assert.throws(() => loadModel([proto("a.proto", "")], {}), {
      message: "cannot generate a.proto: in no module of the table",
    });
  });

  it("refuses a module of a file that does not exist", () => {
    assert.throws(() => loadModel([], { x: ["b.proto"] }), {
      message: 'cannot generate module "x": there is no b.proto',
    });
  });

  it("refuses an import of a file that does not exist", () => {
    assert.throws(() => loadModel([proto("a.proto", 'import "b.proto";')], { x: ["a.proto"] }), {
      message: "cannot parse a.proto: it imports b.proto, which is missing",
    });
  });

  it("refuses a field of an unknown type", () => {
    assert.throws(
      () => loadModel([proto("a.proto", "message M { N n = 1; }")], { x: ["a.proto"] }),
      /no such Type or Enum 'N'/,
    );
  });
});

describe("fieldName", () => {
  const names: [proto: string, property: string][] = [
    ["id", "id"],
    ["exec_id", "execId"],
    ["kernel_time_100_ns", "kernelTime100Ns"],
    ["GPUVHDPath", "GPUVHDPath"],
    ["CDI_devices", "CDIDevices"],
    ["uidMappings", "uidMappings"],
    ["trailing_", "trailing"],
  ];
  for (const [proto, property] of names) {
    it(`turns ${proto} into ${property}`, () => {
      assert.equal(fieldName(proto), property);
    });
  }
});

describe("emitModule", () => {
  it("carries comments over", () => {
    const text = emit("// A thing.\nmessage M {\n  // Its name.\n  string name = 1;\n}");
    assert.match(
      text,
      /^\/\*\* A thing\. \*\/\nexport interface M \{\n {2}\/\*\* Its name\. \*\/\n {2}name: string;\n\}/m,
    );
  });

  it("tells which members of a oneof exclude each other", () => {
    const text = emit("message M { oneof kind { string a = 1; int32 b_c = 2; } }");
    assert.match(text, /One of `kind`: excludes `bC`\. \*\/\n {2}a: string \| undefined;/);
  });

  it("prefixes nested declarations with their parents", () => {
    const text = emit("message M { enum E { X = 0; } message N { E e = 1; } N n = 1; }");
    assert.match(text, /export const ME = \{\n {2}X: 0,\n\} as const;/);
    assert.match(text, /export interface MN \{\n {2}e: ME;\n\}/);
    assert.match(text, /n: MN \| undefined;/);
    assert.match(text, /"p\.M\.N",/);
  });

  it("renames an import that has the name of an own declaration", () => {
    const other = { path: "other-one.proto", text: 'syntax = "proto3"; package q; message M {}' };
    const text = emit("message M { q.M m = 1; }", [other]);
    assert.match(text, /import \{ M as OtherOneM \} from "\.\/other-one\.ts";/);
    assert.match(text, /m: OtherOneM \| undefined;/);
  });

  it("imports only what it uses", () => {
    const text = emit("message M {}");
    assert.match(text, /^import \{ messageType \} from "\.\.\/message\.ts";$/m);
    assert.match(text, /^import type \{ MessageType \} from "\.\.\/types\.ts";$/m);
    assert.doesNotMatch(text, /NO_BYTES|writeMap|UnaryMethod/);
  });

  it("tells the four kinds of methods apart", () => {
    const text = emit(`message M {} service S {
      rpc A(M) returns (M); rpc B(stream M) returns (M); rpc C(M) returns (stream M); rpc D(stream M) returns (stream M);
    }`);
    for (const line of [
      "A: UnaryMethod",
      "B: ClientStreamingMethod",
      "C: ServerStreamingMethod",
      "D: BidiStreamingMethod",
    ]) {
      assert.ok(text.includes(`readonly ${line}<M, M>;`), line);
    }
    assert.match(text, /^import type \{ BidiStreamingMethod, ClientStreamingMethod, MessageType, .*\}/m);
  });

  it("computes tags of the greatest field numbers", () => {
    const text = emit("message M { string s = 536870911; fixed32 f = 16; }");
    assert.match(text, /writer\.tag\(4294967290\)\.string/);
    assert.match(text, /case 133:/);
  });

  it("refuses maps with keys that are no strings", () => {
    assert.throws(() => emit("message M { map<int32, string> m = 1; }"), {
      message: "cannot generate .p.M.m: keys of type int32 are not supported, string is",
    });
  });
});
