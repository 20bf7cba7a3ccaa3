/** From `.proto` texts to what the emitter needs to know: which declarations make up which generated module. */
import protobuf from "protobufjs";

export interface ProtoFile {
  /** Path below `protos/proto`, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** One module of `protos/gen`: the declarations of some `.proto` files, in their order. */
export interface ModuleModel {
  /** File name without ending: `task-v2`. */
  readonly name: string;
  readonly sources: readonly string[];
  readonly enums: readonly protobuf.Enum[];
  readonly messages: readonly protobuf.Type[];
  readonly services: readonly protobuf.Service[];
}

export interface Model {
  readonly modules: readonly ModuleModel[];
  /** The module that declares a message or enum. */
  moduleOf(type: protobuf.ReflectionObject): ModuleModel;
}

/**
 * Parses the files and sorts their declarations into modules.
 *
 * @param table module name → the files it is generated from
 * @throws when a file is in no module, a module names a missing file, or a type is unknown
 */
export function loadModel(
  files: readonly ProtoFile[],
  table: Readonly<Record<string, readonly string[]>>,
): Model {
  const root = parseProtos(files);
  const byFile = new Map<string, protobuf.ReflectionObject[]>(files.map((file) => [file.path, []]));
  collect(root, byFile);
  const modules = Object.entries(table).map(([name, sources]): ModuleModel => {
    const declared = sources.flatMap((source) => {
      const found = byFile.get(source);
      if (found === undefined) throw new Error(`cannot generate module "${name}": there is no ${source}`);
      return found;
    });
    return {
      name,
      sources,
      enums: declared.filter((object) => object instanceof protobuf.Enum),
      messages: declared.filter((object) => object instanceof protobuf.Type),
      services: declared.filter((object) => object instanceof protobuf.Service),
    };
  });
  const homeless = files.filter((file) => !modules.some((module) => module.sources.includes(file.path)));
  if (homeless.length > 0) {
    throw new Error(
      `cannot generate ${homeless.map((file) => file.path).join(", ")}: in no module of the table`,
    );
  }
  return {
    modules,
    moduleOf: (type) => {
      const module = modules.find((candidate) => candidate.sources.includes(type.filename ?? ""));
      if (module === undefined) throw new Error(`cannot find the module of ${type.fullName}`);
      return module;
    },
  };
}

/** Parses `.proto` texts into one resolved reflection root, with fields named as in the text. */
export function parseProtos(files: readonly ProtoFile[]): protobuf.Root {
  const root = new protobuf.Root();
  for (const file of files) {
    const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null };
    parser.filename = file.path;
    const { imports } = protobuf.parse(file.text, root, { keepCase: true, alternateCommentMode: true });
    for (const path of imports ?? []) {
      if (!files.some((other) => other.path === path))
        throw new Error(`cannot parse ${file.path}: it imports ${path}, which is missing`);
    }
  }
  root.resolveAll();
  return root;
}

function collect(namespace: protobuf.NamespaceBase, byFile: Map<string, protobuf.ReflectionObject[]>): void {
  for (const object of namespace.nestedArray) {
    if (object.filename !== null) byFile.get(object.filename)?.push(object);
    if (object instanceof protobuf.Namespace || object instanceof protobuf.Type) collect(object, byFile);
  }
}
