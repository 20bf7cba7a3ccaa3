/** A logging program of containerd on Windows: copies both outputs into the files `out` and `err` of a directory, and says that it is ready. */
import { createWriteStream } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const [directory = ""] = process.argv.slice(2);

function dial(name: string): ReturnType<typeof connect> {
  return connect(process.env[`CONTAINER_${name}`] ?? "");
}

dial("STDOUT").pipe(createWriteStream(join(directory, "out")));
dial("STDERR").pipe(createWriteStream(join(directory, "err")));
dial("WAIT").end("!");
