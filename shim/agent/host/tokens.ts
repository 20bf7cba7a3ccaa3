/**
 * `/src` and `/out` in command lines: callers write these, and what runs gets the directories of its exec. A token is the
 * beginning of a path (in a word, after an option's letters, after `=`) and ends with the word, at `/` or at `=`: neither
 * `/src-extra` nor `/usr/src/x` is one. Each counts once in a word.
 */
import type { ExecHeader } from "../../../protos/gen/agent.ts";

export interface JobDirectories {
  readonly source: string;
  readonly output: string;
}

/** Directories of exec `id` in a container. */
export function jobDirectories(staging: string, os: "linux" | "windows", id: string): JobDirectories {
  const separator = os === "windows" ? "\\" : "/";
  const below = (part: string): string => [staging, part, id].join(separator);
  return { source: below("src"), output: below("out") };
}

export function replaceTokens(word: string, { source, output }: JobDirectories): string {
  const seen = new Set<string>();
  return word.replace(/((?:^|=)[^/=]*)\/(src|out)(?=$|[/=])/g, (whole, before: string, root: string) => {
    if (seen.has(root)) return whole;
    seen.add(root);
    return before + (root === "src" ? source : output);
  });
}

/** The header with tokens replaced where programs look: in the command line and the working directory. */
export function withDirectories<Header extends Pick<ExecHeader, "argv" | "cwd">>(
  header: Header,
  directories: JobDirectories,
): Header {
  return {
    ...header,
    argv: header.argv.map((word) => replaceTokens(word, directories)),
    cwd: replaceTokens(header.cwd, directories),
  };
}
