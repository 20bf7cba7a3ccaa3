/**
 * The sink: winston between records and their destination. The only file that knows winston; it is imported after the
 * shim serves, because loading it takes longer than answering the first request.
 */
import { createLogger, format, transports } from "winston";
import { Writable } from "node:stream";
import type { LogDestination } from "./destination.ts";
import { formatRecord, type LogFormat } from "./format.ts";
import { LOG_LEVELS, type LogRecord, type LogSink } from "./logger.ts";

/** winston counts from the most severe. */
const LEVELS: Readonly<Record<string, number>> = Object.fromEntries(
  [...LOG_LEVELS].reverse().map((level, index) => [level, index]),
);

export function winstonSink(destination: LogDestination, lineFormat: LogFormat): LogSink {
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      destination.write(chunk);
      done();
    },
  });
  const logger = createLogger({
    level: "trace",
    levels: LEVELS,
    format: format.printf((info) => formatRecord(info["record"] as LogRecord, lineFormat)),
    transports: [new transports.Stream({ stream, eol: "" })],
  });
  return (record) => void logger.log({ level: record.level, message: record.message, record });
}
