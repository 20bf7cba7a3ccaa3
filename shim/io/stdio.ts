/**
 * Opens the upstream stdio of a task in whatever form the client chose. One value decides for all three: that of
 * stdout, as with every other shim; a task without stdout is read by its first stream that has one.
 */
import type { Clock } from "../clock.ts";
import { openLogger } from "./binary.ts";
import { messageOf } from "../errors.ts";
import { StdioError, type StdioField } from "./errors.ts";
import { openFifos } from "./fifo.ts";
import { openLogFile } from "./file.ts";
import { openNamedPipes } from "./named-pipe.ts";
import { openNull } from "./null.ts";
import { openStreams, STREAMING_SCHEMES } from "./streaming.ts";
import type {
  LoggerOptions,
  NamedPipeOptions,
  StdioOpener,
  StdioRequest,
  StdioTransport,
  StreamResolver,
  UpstreamStdio,
} from "./upstream.ts";
import { parseStdioUri } from "./uri.ts";

/** Scheme → opener. "" is a bare path, which means what the transport says. */
const OPENERS: Readonly<Record<StdioTransport, ReadonlyMap<string, StdioOpener>>> = {
  fifo: new Map<string, StdioOpener>([["", openFifos], ["fifo", openFifos], ...common()]),
  "named-pipe": new Map<string, StdioOpener>([["", openNamedPipes], ["npipe", openNamedPipes], ...common()]),
};

function common(): [string, StdioOpener][] {
  return [
    ["binary", openLogger],
    ["binary-v2", openLogger],
    ["file", openLogFile],
    ...STREAMING_SCHEMES.map((scheme): [string, StdioOpener] => [scheme, openStreams]),
  ];
}

/** Limits of a reference runhcs, and of containerd's own logging contract. */
export const STDIO_DEFAULTS: { readonly namedPipes: NamedPipeOptions; readonly loggers: LoggerOptions } = {
  namedPipes: { retryTimeoutMs: 0, stdinLingerMs: 500 },
  loggers: { readyMs: 10_000, exitMs: 2_000, terminateMs: 12_000 },
};

export interface OpenStdioOptions {
  /** Budget of the opening. Has no effect on what was opened. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly transport: StdioTransport;
  readonly namedPipes?: Partial<NamedPipeOptions>;
  readonly loggers?: Partial<LoggerOptions>;
  /** Absent where the shim has no streaming service. */
  readonly streams?: StreamResolver;
}

/** Schemes that work with `transport`, for what the shim tells about itself; bare paths always do. */
export function stdioSchemes(transport: StdioTransport): string[] {
  return [...OPENERS[transport].keys()].filter((scheme) => scheme !== "");
}

/**
 * Opens the client's end of a task's stdio. The caller owns the result and closes it.
 *
 * @throws {StdioError} naming field, value and reason; or the reason of the signal. Nothing is left open then.
 */
export async function openStdio(request: StdioRequest, options: OpenStdioOptions): Promise<UpstreamStdio> {
  options.signal.throwIfAborted();
  const deciding = (["stdout", "stderr", "stdin"] as const).find((field) => request[field] !== "");
  if (deciding === undefined) return openNull(request);
  const open = OPENERS[options.transport].get(schemeOf(deciding, request[deciding]));
  if (open === undefined) {
    const known = stdioSchemes(options.transport).join(", ");
    throw new StdioError(
      "unsupported",
      deciding,
      request[deciding],
      `scheme is not supported: known are ${known}`,
    );
  }
  return open(request, {
    ...options,
    namedPipes: { ...STDIO_DEFAULTS.namedPipes, ...options.namedPipes },
    loggers: { ...STDIO_DEFAULTS.loggers, ...options.loggers },
  });
}

function schemeOf(field: StdioField, value: string): string {
  try {
    return parseStdioUri(value).scheme;
  } catch (error) {
    throw new StdioError("invalid", field, value, messageOf(error), error);
  }
}
