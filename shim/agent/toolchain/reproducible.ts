/**
 * Flags that make compilers write the same bytes wherever they run, added by the family of the compiler that a command line
 * names. `/src` in them is the token for the directory of the input files, and is replaced with the others.
 */

export type CompilerFamily = "gnu" | "msvc" | "clang-cl" | "msvc-link" | "lld-link";

/** Programs by name: lower case, without folders and `.exe`. */
const FAMILIES: readonly { readonly name: RegExp; readonly family: CompilerFamily }[] = [
  { name: /^(?:clang-cl|icx-cl|icl)$/, family: "clang-cl" },
  { name: /^cl$/, family: "msvc" },
  { name: /^lld-link$/, family: "lld-link" },
  { name: /^(?:link|lib)$/, family: "msvc-link" },
  {
    name: /^(?:[\w.+]+-)*(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+|icx|icpx)(?:-\d+(?:\.\d+)*)?$/,
    family: "gnu",
  },
];

/** Undefined for a program that is no compiler known here. */
export function compilerFamily(program: string): CompilerFamily | undefined {
  const name = (program.split(/[\\/]/).at(-1) ?? "").toLowerCase().replace(/\.exe$/, "");
  return FAMILIES.find((row) => row.name.test(name))?.family;
}

interface Injection {
  readonly flag: string;
  /** Left out where an argument says so: the user has decided otherwise. */
  readonly unless?: RegExp;
}

const FLAGS: Readonly<Record<CompilerFamily, readonly Injection[]>> = {
  gnu: [
    // Users' own maps come later on the command line, and win.
    { flag: "-ffile-prefix-map=/src=." },
    // A date in the output would be another one tomorrow.
    { flag: "-Werror=date-time", unless: /^-Wno-(?:error=)?date-time$/ },
  ],
  msvc: [
    { flag: "/d1trimfile:/src/", unless: /^[-/]d1trimfile:/i },
    { flag: "/PDBSourcePath:/src", unless: /^[-/]PDBSourcePath:/i },
    { flag: "/Brepro", unless: /^[-/]Brepro$/i },
  ],
  "clang-cl": [{ flag: "/clang:-ffile-prefix-map=/src=." }, { flag: "/Brepro", unless: /^[-/]Brepro$/i }],
  "msvc-link": [
    { flag: "/Brepro", unless: /^[-/]Brepro$/i },
    { flag: "/INCREMENTAL:NO", unless: /^[-/]INCREMENTAL/i },
    { flag: "/PDBALTPATH:%_PDB%", unless: /^[-/]PDBALTPATH:/i },
  ],
  "lld-link": [
    { flag: "/Brepro", unless: /^[-/]Brepro$/i },
    { flag: "/pdbsourcepath:/src", unless: /^[-/]pdbsourcepath:/i },
  ],
};

export interface ReproducibleCommand {
  readonly argv: readonly string[];
  readonly family: CompilerFamily | undefined;
  /** What was added. */
  readonly injected: readonly string[];
}

/** Flags that a compiler was found not to know (by trying it) are named in `unsupported` and left out. */
export function reproducibleArguments(
  argv: readonly string[],
  unsupported: readonly string[] = [],
): ReproducibleCommand {
  const [program = "", ...rest] = argv;
  const family = compilerFamily(program);
  if (family === undefined) return { argv, family, injected: [] };
  const injected = FLAGS[family]
    .filter(({ flag, unless }) => {
      if (rest.includes(flag) || unsupported.includes(flag)) return false;
      return unless === undefined || !rest.some((argument) => unless.test(argument));
    })
    .map(({ flag }) => flag);
  return { argv: [program, ...injected, ...rest], family, injected };
}
