/** containerd's own shim, started as containerd starts it, without a container: a ttrpc server in Go. */
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { Task as TaskV2 } from "../../../protos/gen/task-v2.ts";
import { Task as TaskV3 } from "../../../protos/gen/task-v3.ts";
import { connect } from "../../../shim/ttrpc/index.ts";
import type { Client, ClientOptions } from "../../../shim/ttrpc/index.ts";
import { mustRun } from "../../support/command.ts";
import type { Containerd } from "../../support/containerd.ts";
import { until } from "../../support/until.ts";

const SPEC = {
  ociVersion: "1.0.2",
  process: { args: ["never-run"], cwd: "/" },
  root: { path: "rootfs" },
  linux: {},
};

/** What `start` says: a plain address, or JSON from release 2.0 on. */
interface Bootstrap {
  readonly version: number;
  readonly address: string;
}

function readBootstrap(output: string): Bootstrap {
  return output.startsWith("{") ? (JSON.parse(output) as Bootstrap) : { version: 2, address: output };
}

export class GoShim {
  readonly id: string;
  readonly socket: string;
  /** The task service it serves: their messages are the same. */
  readonly service: typeof TaskV2;
  readonly #log: FileHandle;

  private constructor(id: string, bootstrap: Bootstrap, log: FileHandle) {
    this.id = id;
    this.socket = bootstrap.address.replace(/^unix:\/\//, "");
    this.service = bootstrap.version >= 3 ? TaskV3 : TaskV2;
    this.#log = log;
  }

  static async start(containerd: Containerd, id: string): Promise<GoShim> {
    const bundle = join(containerd.directory, id);
    await mkdir(join(bundle, "rootfs"), { recursive: true });
    await writeFile(join(bundle, "config.json"), JSON.stringify(SPEC));
    // The shim opens its log for writing, which waits for a reader: that is containerd, or us.
    await mustRun("mkfifo", [join(bundle, "log")]);
    const log = await open(join(bundle, "log"), "r+");
    const { directory } = containerd.installation;
    const args = ["-namespace", containerd.namespace, "-id", id, "-address", containerd.address];
    const output = await mustRun(
      join(directory, "containerd-shim-runc-v2"),
      [...args, "-publish-binary", join(directory, "containerd"), "start"],
      { cwd: bundle, env: { TTRPC_ADDRESS: containerd.ttrpcAddress, NODE_V8_COVERAGE: undefined } },
    );
    return new GoShim(id, readBootstrap(output.trim()), log);
  }

  connect(options: ClientOptions = {}): Promise<Client> {
    return connect(this.socket, options);
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    const client = await this.connect();
    const { shimPid } = await client.call(this.service, "Connect", { id: this.id });
    // It may be gone before its answer is out.
    await client.call(this.service, "Shutdown", { id: this.id, now: true }).catch(() => undefined);
    await until(`shim ${shimPid} to end`, () => !isAlive(shimPid));
    await client.close();
    await this.#log.close();
    // Some releases leave it behind.
    await rm(this.socket, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
