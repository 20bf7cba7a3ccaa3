/**
 * `/src` and `/out` in command lines: callers write these, and what runs gets the directories of its exec. A token is the
 * beginning of a path (in a word, after a blank, a quote, an option's letters or `=`) and ends there, at a separator or with the word: neither
 * `/src-extra` nor `/usr/src/x` is one. Each counts once in a word.
 *
 * On Windows options may begin with a slash themselves (`/Fo/out/x.obj`, `/d1trimfile:/src`), and the rest of the path gets
 * backslashes: cmd takes a slash for an option, and cl compares what it trims letter by letter.
 */
import type { ExecHeader } from "../../../protos/gen/agent.ts";

export interface JobDirectories {
  readonly source: string;
  readonly output: string;
  readonly os: "linux" | "windows";
}

/** Directories of exec `id` in a container. */
export function jobDirectories(staging: string, os: JobDirectories["os"], id: string): JobDirectories {
  const separator = os === "windows" ? "\\" : "/";
  const below = (part: string): string => [staging, part, id].join(separator);
  return { source: below("src"), output: below("out"), os };
}

/** What may be in front of a token in its word, and what ends its path. */
const WORDS: Readonly<Record<JobDirectories["os"], RegExp>> = {
  linux: /((?:^|[=\s"'])[^/=]*)\/(src|out)(?=$|[/=\s"'])()/g,
  windows:
    /((?:^|[=\s"])(?:\/(?:[A-Z][A-Za-z]{0,2}|[\w:]+:))?[^/=]*)\/(src|out)(?=$|[/\\=\s"])([^=,;"<>|&]*?)(?=$|[=,;"<>|&]|\s\/)/g,
};

export function replaceTokens(word: string, { source, output, os }: JobDirectories): string {
  const seen = new Set<string>();
  return word.replace(WORDS[os], (whole, before: string, root: string, rest: string) => {
    if (seen.has(root)) return whole;
    seen.add(root);
    return before + (root === "src" ? source : output) + rest.replaceAll("/", "\\");
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
