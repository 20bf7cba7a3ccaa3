/** Asks a compiler what it is, on the host or in a container: the same questions, the same reading of the answers. */
import type { IsolatedContainer } from "../runtime/runtime.ts";
import { AgentError } from "../protocol/errors.ts";
import {
  compareToolchains,
  describe,
  type Comparison,
  type ParityPolicy,
  type Toolchain,
} from "./compare.ts";
import { compilerFamily } from "./reproducible.ts";

/** Runs a program and gives all it says; undefined where it cannot be run, or not in time. */
export type Ask = (
  argv: readonly string[],
) => Promise<{ readonly stdout: string; readonly stderr: string } | undefined>;

/** How long one answer may take, ms. */
export const ANSWER_MS = 5000;
const MOST_OUTPUT_BYTES = 64 << 10;
/** Digits are what no language changes. */
const PINNED = ["LC_ALL=C", "VSLANG=1033"];

/** Undefined for a program that is no compiler, cannot be asked, or does not answer. */
export async function probeToolchain(program: string, ask: Ask): Promise<Toolchain | undefined> {
  const grammar = compilerFamily(program);
  if (grammar === "msvc") return readMsvc(await ask([program]));
  if (grammar !== "gnu" && grammar !== "clang-cl") return undefined;
  const version = await ask([program, "--version"]);
  const machine = await ask([program, grammar === "gnu" ? "-dumpmachine" : "--print-target-triple"]);
  if (version === undefined || machine === undefined) return undefined;
  const target = machine.stdout.trim();
  const [first = ""] = version.stdout.split("\n");
  const clang = /^(.*?)\s*clang version (\d+(?:\.\d+)*)/.exec(first);
  if (clang !== null)
    return {
      family: grammar === "gnu" ? "clang" : "clang-cl",
      vendor: (clang[1] ?? "").trim(),
      version: clang[2] ?? "",
      target,
    };
  const full = (await ask([program, "-dumpfullversion", "-dumpversion"]))?.stdout.trim() ?? "";
  if (!/^\d+(?:\.\d+)*$/.test(full)) return undefined;
  return { family: "gcc", vendor: vendorOf(first), version: full, target };
}

/** The words in parentheses up to the first with a digit: what follows is the version of their package. */
function vendorOf(line: string): string {
  const words = (/\(([^)]*)\)/.exec(line)?.[1] ?? "").split(/\s+/);
  const end = words.findIndex((word) => /\d/.test(word));
  return words.slice(0, end < 0 ? words.length : end).join(" ");
}

/** Without arguments cl prints its banner, in the language of its installation, to stderr. */
function readMsvc(
  answer: { readonly stdout: string; readonly stderr: string } | undefined,
): Toolchain | undefined {
  const text = `${answer?.stderr ?? ""}\n${answer?.stdout ?? ""}`;
  const version = /\b(\d{2}\.\d{2}\.\d{5}(?:\.\d+)?)\b/.exec(text)?.[1];
  const target = /\b(x64|x86|arm64|arm)\b/i.exec(text)?.[1];
  if (version === undefined || target === undefined) return undefined;
  return { family: "msvc", vendor: "", version, target: target.toLowerCase() };
}

/** Asks in a container. */
export function askContainer(container: Pick<IsolatedContainer, "exec">): Ask {
  return async (argv) => {
    const said = { stdout: "", stderr: "" };
    try {
      await container.exec({
        ...{ argv, env: PINNED, timeoutMs: ANSWER_MS, maxStdioBytes: MOST_OUTPUT_BYTES },
        onOutput: (stream, bytes) => void (said[stream] += Buffer.from(bytes).toString("latin1")),
      });
      return said;
    } catch (error) {
      // It is not there, which is an answer; that the container is gone is none.
      if (
        error instanceof AgentError &&
        error.status === "failed precondition" &&
        !error.consequences.retryable
      )
        return undefined;
      throw error;
    }
  };
}

export interface ParityCheck {
  readonly host: Ask;
  readonly container: Ask;
  readonly policy: ParityPolicy;
  /** What the image says of its compilers. Its compiler is believed rather; this counts where it says nothing. */
  readonly declared?: readonly Toolchain[];
}

/**
 * Compares the compiler of the host with the one of the container, at the start of a session.
 *
 * @throws {AgentError} failed precondition with both versions, where the policy is to refuse and they are not the same
 */
export async function checkParity(
  program: string,
  { host, container, policy, declared = [] }: ParityCheck,
): Promise<Comparison | undefined> {
  if (policy === "off") return undefined;
  const [ours, probed] = [await probeToolchain(program, host), await probeToolchain(program, container)];
  const family = (probed ?? ours)?.family;
  const label = declared.find((toolchain) => toolchain.family === family);
  const comparison = compareToolchains(ours, probed ?? label);
  if (policy === "refuse" && comparison.verdict !== "match")
    throw new AgentError("failed precondition", `compilers differ: ${comparison.message}`);
  const isMislabelled =
    probed !== undefined && label !== undefined && compareToolchains(probed, label).verdict !== "match";
  if (!isMislabelled) return comparison;
  return {
    ...comparison,
    mislabelled: `the image ${describe(probed)}, its label says it ${describe(label)}`,
  };
}
