/**
 * What passes between whoever runs `start` or `delete` – the launcher in C, or Node – and the keeper. One request and one
 * reply for each connection. All numbers are unsigned 32 bits, little-endian.
 *
 * ```
 * request: length of the strings, length of stdin, the strings, each ended by NUL, stdin
 *          strings: directory of the installation, working directory, number of arguments, arguments, environment (NAME=value)
 * reply:   one byte for the verdict, length of stdout, stdout, and stderr up to the end of the connection
 * ```
 */

export interface KeeperRequest {
  /** Of whoever asks; a keeper of another one declines. */
  readonly installation: string;
  readonly workingDirectory: string;
  /** Flags and command, as containerd gave them. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
}

/** What whoever asked has to do with the reply. */
export const VERDICT = {
  /** Print both texts, end with status 0. */
  done: 0x30,
  /** Print both texts, end with status 1. */
  failed: 0x31,
  /** Do it itself. */
  declined: 0x32,
} as const;

export interface KeeperReply {
  readonly verdict: keyof typeof VERDICT;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

const HEAD = 8;
/** More than any command line and environment may have on Linux (execve(2): ARG_MAX) or Windows. */
const LONGEST_PART = 8 * 1024 * 1024;

export function encodeRequest(request: KeeperRequest): Buffer {
  const { installation, workingDirectory, args, environment, stdin } = request;
  const strings = [
    installation,
    workingDirectory,
    String(args.length),
    ...args,
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
  const text = Buffer.from(strings.map((string) => `${string}\0`).join(""), "utf8");
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(stdin.length, 4);
  return Buffer.concat([head, text, stdin]);
}

/**
 * Reads a request out of what has arrived of it.
 *
 * @returns undefined while it is incomplete
 * @throws when it is none
 */
export function decodeRequest(bytes: Buffer): KeeperRequest | undefined {
  if (bytes.length < HEAD) return undefined;
  const [textLength, stdinLength] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
  if (textLength > LONGEST_PART || stdinLength > LONGEST_PART)
    throw new Error(`invalid request: parts of ${textLength} and ${stdinLength} bytes`);
  const total = HEAD + textLength + stdinLength;
  if (bytes.length < total) return undefined;
  const strings = bytes.toString("utf8", HEAD, HEAD + textLength).split("\0");
  const [installation = "", workingDirectory = "", count = "", ...rest] = strings;
  const argumentCount = Number(count);
  if (strings.pop() !== "" || !Number.isInteger(argumentCount) || argumentCount > rest.length - 1)
    throw new Error(`invalid request: "${count}" arguments in ${strings.length} strings`);
  return {
    installation,
    workingDirectory,
    args: rest.slice(0, argumentCount),
    environment: Object.fromEntries(
      rest.slice(argumentCount, -1).map((entry) => {
        const at = entry.indexOf("=", 1);
        return [entry.slice(0, at), entry.slice(at + 1)];
      }),
    ),
    stdin: bytes.subarray(HEAD + textLength, total),
  };
}

export function encodeReply({ verdict, stdout, stderr }: KeeperReply): Buffer {
  const head = Buffer.alloc(5);
  head[0] = VERDICT[verdict];
  head.writeUInt32LE(stdout.length, 1);
  return Buffer.concat([head, stdout, Buffer.from(stderr, "utf8")]);
}

/** Reads a whole reply; undefined when the connection ended within it. */
export function decodeReply(bytes: Buffer): KeeperReply | undefined {
  if (bytes.length < 5) return undefined;
  const verdict = (Object.keys(VERDICT) as (keyof typeof VERDICT)[]).find((key) => VERDICT[key] === bytes[0]);
  const end = 5 + bytes.readUInt32LE(1);
  if (verdict === undefined || bytes.length < end) return undefined;
  return { verdict, stdout: bytes.subarray(5, end), stderr: bytes.toString("utf8", end) };
}
