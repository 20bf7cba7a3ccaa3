/** The emulator for contract tests: real workers, a state directory of its own, checks for leftovers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { HcsBackend } from "../../hcs/api.ts";
import { createEmulator, type EmulatorOptions } from "../../hcs/emulator/emulator.ts";
import { findSystem, reclaimSystem, type SystemListing } from "../../hcs/emulator/systems/reclaim.ts";
import { systemKey } from "../../hcs/emulator/systems/state-directory.ts";
import { unmountByProgram, unmountTree } from "../../hcs/emulator/storage/unmount-tree.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { snapshot, type Snapshot } from "../support/leftovers.ts";
import { makeShortDirectory } from "../support/temp-directory.ts";
import { workerCommand } from "../support/worker-bundle.ts";
import type { BackendFactory, BackendUnderTest } from "./under-test.ts";

/** Why the emulator cannot run here; undefined where it can. */
export function emulatorObstacle(): string | undefined {
  if (process.platform !== "linux") return "the emulator needs Linux";
  return process.getuid?.() === 0 ? undefined : "the emulator needs root";
}

let ids = 0;

/** The emulator, with what its own tests need beyond the contract. */
export class EmulatorUnderTest implements BackendUnderTest {
  readonly backend: HcsBackend;
  readonly directory: string;
  readonly stateDirectory: string;
  readonly command: readonly string[];
  readonly #root: string;
  readonly #marks: string[];
  readonly #ids: string[] = [];
  readonly #networks: string[] = [];
  readonly #before: Snapshot;

  private constructor(root: string, command: readonly string[], options: Partial<EmulatorOptions>) {
    this.#root = root;
    this.command = command;
    this.stateDirectory = join(root, "st");
    this.directory = join(root, "data");
    mkdirSync(this.directory);
    this.backend = this.another(options);
    this.#marks = [root];
    this.#before = snapshot({ marks: this.#marks, directories: [this.stateDirectory] });
  }

  static async create(options: Partial<EmulatorOptions> = {}): Promise<EmulatorUnderTest> {
    return new EmulatorUnderTest(await makeShortDirectory("rhc-"), await workerCommand(), options);
  }

  another(options: Partial<EmulatorOptions> = {}): HcsBackend {
    return createEmulator({
      stateDirectory: this.stateDirectory,
      workerEntry: { command: this.command },
      ...options,
    });
  }

  systemId(): string {
    const id = `c${process.pid}-${ids++}@vm`;
    this.#ids.push(id);
    // Its cgroups carry this key; its processes are in them.
    this.#marks.push(systemKey(id));
    return id;
  }

  async document(changes: Partial<ComputeSystemDocument> = {}): Promise<ComputeSystemDocument> {
    const { linuxBootFiles } = await this.backend.host();
    return {
      Owner: "contract",
      SchemaVersion: { Major: 2, Minor: 1 },
      ShouldTerminateOnLastHandleClosed: true,
      VirtualMachine: {
        StopOnReset: true,
        Chipset: { LinuxKernelDirect: { KernelFilePath: join(linuxBootFiles.directory, "kernel") } },
        ComputeTopology: { Memory: { SizeInMB: 512 }, Processor: { Count: 1 } },
        Devices: { Plan9: {} },
      },
      ...changes,
    };
  }

  /** What the directory of a system shows about it. */
  listing(id: string): SystemListing {
    const listing = findSystem(this.stateDirectory, id);
    assert.ok(listing, `no system ${id}`);
    return listing;
  }

  /** A path of the VM, as the host reaches it. */
  inGuest(id: string, path: string): string {
    return join("/proc", String(this.listing(id).worker.pid), "root", path);
  }

  async makeNetwork(): Promise<{ reference: string; macAddress: string }> {
    const name = `c${process.pid}-${ids++}`;
    const ip = (...args: readonly string[]): Buffer => execFileSync("ip", args);
    ip("netns", "add", name);
    this.#networks.push(name);
    this.#marks.push(`/run/netns/${name}`, `namespace ${name}`);
    ip("-n", name, "link", "set", "lo", "up");
    ip(
      "-n",
      name,
      "link",
      "add",
      "eth0",
      "address",
      "02:00:0a:58:00:02",
      "type",
      "veth",
      "peer",
      "name",
      "peer0",
    );
    // The peer stays down: it is no endpoint.
    ip("-n", name, "link", "set", "eth0", "up");
    ip("-n", name, "address", "add", "10.88.0.2/24", "dev", "eth0");
    ip("-n", name, "route", "add", "default", "via", "10.88.0.1");
    return { reference: `/run/netns/${name}`, macAddress: "02-00-0A-58-00-02" };
  }

  look<T>(see: () => T): T {
    return see();
  }

  async dispose(): Promise<void> {
    try {
      await this.backend.close();
      for (const name of this.#networks) execFileSync("ip", ["netns", "delete", name]);
      await this.#before.assertNothingNew();
    } finally {
      // Whatever a failed test left must not fail the next one.
      for (const id of this.#ids) await reclaimSystem(this.stateDirectory, id);
      // First of all mounts: what is mounted must not be deleted with the directory it is mounted on.
      await unmountTree(this.#root, unmountByProgram);
      rmSync(this.#root, { recursive: true, force: true });
    }
  }
}

/** The emulator as the contract wants it. */
export const emulatorFactory: BackendFactory<EmulatorUnderTest> = {
  name: "emulator",
  obstacle: emulatorObstacle,
  create: () => EmulatorUnderTest.create(),
};
