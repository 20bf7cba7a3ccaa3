import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import type protobuf from "protobufjs";
import ts from "typescript";

import { MAX_DEPTH } from "../../../protos/wire.ts";
import type { MessageType } from "../../../protos/types.ts";
import { readProtos } from "../../../scripts/protos.ts";
import { emitModule } from "../../../scripts/protos/emit.ts";
import { loadModel, parseProtos } from "../../../scripts/protos/model.ts";
import { judge } from "./oracle.ts";
import { messageTypes, type Message } from "./reflection.ts";

const NAMES = ["Status", "Scalars", "Optionals", "Lists", "Maps", "Choices", "Tree", "Tree.Leaf"];

/** `all-kinds.proto` with what it imports, the latter as the module `google`. */
const files = [
  ...readProtos().filter((file) => file.path.startsWith("google/")),
  { path: "all-kinds.proto", text: readFileSync(new URL("all-kinds.proto", import.meta.url), "utf8") },
];

describe("generated code of every kind of field", () => {
  let folder: string;
  let generated: Record<string, MessageType<Message>>;
  const theirs = messageTypes(parseProtos(files)).filter((type) => type.fullName.startsWith(".kinds."));

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "all-kinds-"));
    const google = files.map((file) => file.path).filter((path) => path.startsWith("google/"));
    const model = loadModel(files, { google, kinds: ["all-kinds.proto"] });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const runtime = relative(folder, fileURLToPath(new URL("../../../protos", import.meta.url)));
    for (const module of model.modules) {
      writeFileSync(join(folder, `${module.name}.ts`), emitModule(model, module, runtime));
    }
    generated = (await import(pathToFileURL(join(folder, "kinds.ts")).href)) as typeof generated;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** The generated type, looked up only when a property runs: the module does not exist before. */
  function late(name: string): MessageType<Message> {
    const type = (): MessageType<Message> => {
      const found = generated[name.replace(".", "")];
      assert.ok(found, `${name} was not generated`);
      return found;
    };
    return {
      typeName: `kinds.${name}`,
      create: (init) => type().create(init),
      encode: (message) => type().encode(message),
      append: (writer, message) => type().append(writer, message),
      decode: (bytes, start, end) => type().decode(bytes, start, end),
      write: (writer, message) => type().write(writer, message),
      read: (reader, into) => type().read(reader, into),
    };
  }

  it("is about every message of all-kinds.proto", () => {
    assert.deepEqual(
      theirs.map((type) => type.fullName.slice(".kinds.".length)).toSorted(),
      NAMES.toSorted(),
    );
  });

  for (const name of NAMES) {
    describe(name, () => {
      const type = theirs.find((candidate) => candidate.fullName === `.kinds.${name}`) as protobuf.Type;
      judge(late(name), type, 60);
    });
  }

  it("has types that agree, under the options of the sources", () => {
    const root = fileURLToPath(new URL("../../..", import.meta.url));
    const read = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path));
    const { options } = ts.parseJsonConfigFileContent(read.config as unknown, ts.sys, root);
    options.typeRoots = [join(root, "node_modules", "@types")];
    const program = ts.createProgram([join(folder, "kinds.ts")], options);
    const found = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
    assert.deepEqual(found, []);
  }).timeout(60_000);

  it("limits how deep a message that holds itself may nest", () => {
    const nested = (depth: number): Message => {
      let tree: Message = {};
      for (let level = 0; level < depth; level++) tree = { branches: [tree] };
      return tree;
    };
    const tree = late("Tree");
    assert.doesNotThrow(() => tree.decode(tree.encode(nested(MAX_DEPTH))));
    assert.throws(() => tree.decode(tree.encode(nested(MAX_DEPTH + 1))), {
      name: "WireError",
      reason: "messages are nested deeper than 100",
    });
  });
});
