/**
 * Hyper-V sockets between a program under Wine and the machine's guests. The program's are TCP connections of the loopback
 * interface, announced by files (`hcs/win32/hvsocket/loopback.ts`); the guest's are what its machine has. For everything that the program
 * listens for, the same address is listened on at the machine, and what a guest dials there is carried over. Containers are
 * registered at the machine when the program has registered them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HvSocket, HvSocketListener, HvSocketRegistration } from "../../../hcs/api.ts";

export class HvSockets {
  /** Where the program writes its ports. */
  readonly directory: string = mkdtempSync(join(tmpdir(), "runhcs-hv-"));
  readonly #violation: (what: string) => void;
  readonly #listeners = new Map<string, HvSocketListener>();
  readonly #registrations = new Map<string, HvSocketRegistration>();
  readonly #streams = new Set<Duplex>();
  #machine: HvSocket;
  #work: Promise<void> = Promise.resolve();

  /** @param violation is told what went wrong between the two */
  constructor(machine: HvSocket, violation: (what: string) => void) {
    this.#machine = machine;
    this.#violation = violation;
  }

  /** Another machine's guests from now on. */
  async replaceMachine(machine: HvSocket): Promise<void> {
    await this.#closeAll();
    this.#machine = machine;
  }

  /**
   * Listens for what the program listens for now. To be called before anything that the program says is handed on: a guest may dial
   * at once what it is told of.
   */
  follow(): Promise<void> {
    this.#work = this.#work.then(() => this.#follow());
    return this.#work;
  }

  async close(): Promise<void> {
    await this.#closeAll();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #follow(): Promise<void> {
    const entries = readdirSync(this.directory, { withFileTypes: true });
    const [vms, containers] = [true, false].map((isVm) =>
      entries.filter((entry) => entry.isDirectory() === isVm).map(({ name }) => name),
    ) as [string[], string[]];
    const services = vms.flatMap((vm) =>
      readdirSync(join(this.directory, vm)).map((service) => `${vm}/${service}`),
    );
    await closeMissing(this.#listeners, services);
    for (const name of services) if (!this.#listeners.has(name)) await this.#listen(name);
    await closeMissing(this.#registrations, containers);
    for (const systemId of containers) if (!this.#registrations.has(systemId)) await this.#register(systemId);
  }

  async #listen(name: string): Promise<void> {
    const [vmId = "", serviceId = ""] = name.split("/");
    const port = Number(this.#read(name));
    if (port === 0) return;
    let listener: HvSocketListener;
    try {
      listener = await this.#machine.listen({ vmId, serviceId });
    } catch (error) {
      this.#violation(`nobody can listen on ${name}: ${String(error)}`);
      return;
    }
    this.#listeners.set(name, listener);
    void this.#accept(listener, port);
  }

  async #register(systemId: string): Promise<void> {
    const vmId = this.#read(systemId);
    if (vmId === "") return;
    this.#registrations.set(systemId, await this.#machine.registerContainer({ vmId, systemId }));
  }

  /** Empty when it is not written yet, which shows the next time, or not there any more. */
  #read(name: string): string {
    try {
      return readFileSync(join(this.directory, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }

  async #accept(listener: HvSocketListener, port: number): Promise<void> {
    for (;;) {
      let guest: Duplex;
      try {
        guest = await listener.accept();
      } catch {
        // Closed.
        return;
      }
      void this.#carry(guest, port);
    }
  }

  /** Ends with both directions, or with the loss of either side. */
  async #carry(guest: Duplex, port: number): Promise<void> {
    const program = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    for (const stream of [guest, program]) this.#streams.add(stream);
    await Promise.allSettled([
      pipeline(guest, program),
      pipeline(program, (chunks: AsyncIterable<Buffer>) => this.#followed(chunks), guest),
    ]);
    for (const stream of [guest, program]) this.#streams.delete(stream.destroy());
  }

  async *#followed(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      await this.follow();
      yield chunk;
    }
  }

  async #closeAll(): Promise<void> {
    await this.#work;
    await closeMissing(this.#listeners, []);
    await closeMissing(this.#registrations, []);
    for (const stream of this.#streams) stream.destroy();
  }
}

/** Closes what the program has closed. */
async function closeMissing<T extends { close(): Promise<void> }>(
  open: Map<string, T>,
  names: readonly string[],
): Promise<void> {
  for (const [name, thing] of open) {
    if (names.includes(name)) continue;
    open.delete(name);
    await thing.close();
  }
}
