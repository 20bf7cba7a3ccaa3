/** The suites of tests, as data. */

/** One suite: a folder below `test/`. */
export interface Suite {
  readonly name: string;
  readonly purpose: string;
  /** Whether the lines it runs through are counted. */
  readonly coverage: boolean;
  /** What has to be done before it can run. */
  readonly needs: readonly ("machine" | "containerd" | "windows" | "wine" | "build" | "package")[];
  /** Variables that its tests are run with. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs only when it is asked for by name: its load would slow everything else on the machine for minutes. */
  readonly byName?: true;
  /** What the suite's files are, where that is not all of the folder. */
  readonly files?: string;
  /** What runs the files, where that is not mocha on this machine: a script that is called as mocha is. */
  readonly runner?: string;
}

/** In the order in which they run: what is quick and finds most comes first. */
export const SUITES: readonly Suite[] = [
  { name: "unit", purpose: "each part by itself", coverage: true, needs: [] },
  { name: "property", purpose: "what holds for any input", coverage: true, needs: [] },
  { name: "golden", purpose: "documents and frames equal to recorded ones", coverage: false, needs: [] },
  {
    name: "package",
    purpose: "what is installed on nodes",
    coverage: false,
    needs: ["machine", "package"],
  },
  { name: "contract", purpose: "the same of every backend", coverage: true, needs: ["machine"] },
  { name: "guest", purpose: "the emulated guest, frame by frame", coverage: false, needs: ["machine"] },
  {
    name: "wine",
    purpose: "the Windows backend on stand-ins for the DLLs",
    coverage: false,
    needs: ["machine", "wine"],
    files: "test/wine/native/**/*.test.ts",
    runner: "scripts/wine/mocha.ts",
  },
  {
    name: "endurance",
    purpose: "the Windows backend on stand-ins, a thousand times",
    coverage: false,
    needs: ["machine", "wine"],
    files: "test/wine/endurance/**/*.test.ts",
    runner: "scripts/wine/mocha.ts",
  },
  {
    name: "packed",
    purpose: "the packed executables under Wine, by their commands and pipes",
    coverage: false,
    needs: ["machine", "wine", "package"],
  },
  {
    name: "reliability",
    purpose: "a fault in every step of a pod's life, on the emulator",
    coverage: false,
    needs: ["machine"],
  },
  {
    name: "agent",
    purpose: "work in containers without shares, and what hostile peers make of it",
    coverage: false,
    needs: ["machine"],
  },
  {
    name: "windows",
    purpose: "Windows containers in the emulator, by Wine, through containerd",
    coverage: false,
    needs: ["machine", "windows", "containerd", "build"],
  },
  {
    name: "integration",
    purpose: "containerd 1.6, 1.7 and 2.1 with pods on the emulator",
    coverage: false,
    needs: ["machine", "containerd", "build"],
  },
  {
    name: "warm",
    purpose: "pods in processes that the keeper had booted, containerd 2.1",
    coverage: false,
    needs: ["machine", "containerd", "build"],
    environment: { RUNHCS_TEST_HOSTING: "warm", RUNHCS_TEST_CONTAINERD: "2.1" },
    files: "test/integration/*.test.ts",
  },
  {
    name: "shared",
    purpose: "pods that share a process, containerd 1.6",
    coverage: false,
    needs: ["machine", "containerd", "build"],
    environment: { RUNHCS_TEST_HOSTING: "shared", RUNHCS_TEST_CONTAINERD: "1.6" },
    files: "test/integration/*.test.ts",
  },
  ...(["process", "warm", "shared"] as const).map((hosting): Suite => ({
    name: hosting === "process" ? "load" : `load-${hosting}`,
    purpose: `50 pods at once, 10 000 execs in one, 500 calls in flight; hosting ${hosting}`,
    coverage: false,
    needs: ["machine", "containerd", "build"],
    byName: true,
    environment: {
      RUNHCS_TEST_LOAD: "full",
      RUNHCS_TEST_CONTAINERD: "2.1",
      RUNHCS_TEST_HOSTING: hosting,
    },
    files: "test/integration/@(load|many-pods).test.ts",
  })),
];

/** The pattern that finds a suite's files, relative to the repository. */
export function filesOf(suite: Suite): string {
  return suite.files ?? `test/${suite.name}/**/*.test.ts`;
}

/** What a command line asks for: suites by name (all without any), and words for mocha after them. */
export interface Selection {
  readonly suites: readonly Suite[];
  readonly mochaArguments: readonly string[];
}

/**
 * Reads `[suite…] [mocha arguments…]`.
 *
 * @throws when the first word that is not an option names no suite
 */
export function selectSuites(words: readonly string[]): Selection {
  const names: string[] = [];
  let index = 0;
  for (; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (!SUITES.some(({ name }) => name === word)) break;
    names.push(word);
  }
  const rest = words.slice(index);
  const first = rest[0];
  if (names.length === 0 && first !== undefined && !first.startsWith("-")) {
    throw new Error(`cannot run suite "${first}": known are ${SUITES.map(({ name }) => name).join(", ")}`);
  }
  const suites = SUITES.filter(({ name, byName }) =>
    names.length === 0 ? byName !== true : names.includes(name),
  );
  return { suites, mochaArguments: rest };
}
