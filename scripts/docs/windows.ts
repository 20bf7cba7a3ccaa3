import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { NATIVE_LIBRARIES } from "../../hcs/win32/ffi/libraries/index.ts";
import type { NativeLibrary } from "../../hcs/win32/ffi/table.ts";
import { nameBuild } from "../../hcs/win32/ffi/windows-builds.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

const ROOT = join(import.meta.dirname, "../..");
const BACKEND = join(ROOT, "hcs/win32");
const TABLES = join(BACKEND, "ffi/libraries");
const STAND_INS = join(ROOT, "test/wine/dll");

export function windowsDocument(): string {
  const callers = findCallers();
  const standIns = findStandIns();
  const files = [...new Set(NATIVE_LIBRARIES.map(({ file }) => file))].sort();
  return document(
    GENERATED,
    "# Windows",
    "Every function of Windows that this project calls, with the DLL that has it, the first Windows build that has it there, and the files that call it. A host that lacks one of them can do everything else: the error of a call names the function, what it is needed for, and the build.",
    "**Tested on** says what answers when the tests run: a *stand-in*, which checks the arguments of every call and forwards it to a scripted machine or the emulator ([test/wine](../test/wine/README.md)); or *Wine*, which has the function itself. Neither is Windows. **Only a real host proves** says what follows from that; these tests have never run on one.",
    ...files.flatMap((file) => describeFile(file, callers, standIns)),
  );
}

function describeFile(
  file: string,
  callers: ReadonlyMap<string, readonly string[]>,
  standIns: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const libraries = NATIVE_LIBRARIES.filter((library) => library.file === file);
  const sources = [...new Set(libraries.map(({ source }) => source))];
  const rows = libraries.flatMap((library) =>
    Object.keys(library.functions).map((name) => {
      const { since, feature, unproven } = { ...library, ...library.facts?.[name] };
      return [
        code(name),
        nameBuild(since),
        feature,
        (callers.get(name) ?? [])
          .filter((path) => !belongsToAnother(path, library.file))
          .map(code)
          .join(", "),
        testedOn(library, name, standIns),
        unproven ?? "",
      ];
    }),
  );
  return [
    `## ${file}`,
    `Signatures: ${sources.map((source) => `<${source}>`).join(", ")}`,
    table(
      ["function", "since", "needed for", "called by", "tested on", "only a real host proves"],
      rows.sort(([a = ""], [b = ""]) => a.localeCompare(b)),
    ),
  ];
}

/** Two DLLs have functions of the same names; folders are named by the one they call. */
function belongsToAnother(path: string, file: string): boolean {
  const others = NATIVE_LIBRARIES.map((library) => library.file).filter((other) => other !== file);
  return path.split("/").some((folder) => others.includes(`${folder}.dll`));
}

/** kernel32 cannot be replaced: tests take its job functions from here. */
const JOBS = "rigjobs.dll";

function testedOn(
  { file, isProgram }: NativeLibrary,
  name: string,
  standIns: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  if (isProgram === true) return "Node itself";
  if (file === "kernel32.dll" && standIns.get(JOBS)?.has(name) === true)
    return "Wine, stand-in for what it lacks";
  const exported = standIns.get(file);
  if (exported === undefined) return "Wine";
  return exported.has(name) ? "stand-in" : "–";
}

/** Function → files below `hcs/win32` that name it. */
function findCallers(): ReadonlyMap<string, readonly string[]> {
  const callers = new Map<string, string[]>();
  const names = new Set(NATIVE_LIBRARIES.flatMap(({ functions }) => Object.keys(functions)));
  for (const path of filesBelow(BACKEND, ".ts")) {
    if (path.startsWith(TABLES)) continue;
    for (const [, name = ""] of readFileSync(path, "utf8").matchAll(/"(\w+)"/g)) {
      if (!names.has(name)) continue;
      const files = callers.get(name) ?? [];
      const file = relative(BACKEND, path);
      if (!files.includes(file)) callers.set(name, [...files, file]);
    }
  }
  return callers;
}

/**
 * DLL → functions that its stand-in exports: definitions marked RIG_EXPORT, by themselves or by a macro of theirs, and what a module
 * definition file lists.
 */
function findStandIns(): ReadonlyMap<string, ReadonlySet<string>> {
  const standIns = new Map<string, ReadonlySet<string>>();
  for (const folder of readdirSync(STAND_INS)) {
    const text = filesBelow(join(STAND_INS, folder), ".c")
      .map((path) => readFileSync(path, "utf8"))
      .join("\n");
    const listed = filesBelow(join(STAND_INS, folder), ".def").flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/^ {2}(\w+) = /gm)].map(([, name = ""]) => name),
    );
    const exported = [...text.matchAll(/RIG_EXPORT [\w *]*?\b(\w+)\(/g)].map(([, name = ""]) => name);
    const macros = [...text.matchAll(/^#define (\w+)\(Name\b[^]*?[^\\]\n/gm)]
      .filter(([definition]) => definition.includes("RIG_EXPORT"))
      .map(([, macro = ""]) => macro);
    const made = macros.flatMap((macro) =>
      [...text.matchAll(new RegExp(`^${macro}\\((\\w+)`, "gm"))].map(([, name = ""]) => name),
    );
    const all = new Set([...listed, ...exported, ...made]);
    if (all.size > 0) standIns.set(`${folder}.dll`, all);
  }
  return standIns;
}

function filesBelow(folder: string, extension: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => join(folder, name));
}
