/**
 * Hyper-V sockets between a program under Wine and the machine's guests. The program's are TCP connections of the loopback
 * interface, announced by files (`hcs/win32/hvsocket/loopback.ts`); the guest's are what its machine has. For everything that the program
 * listens for, the same address is listened on at the machine, and what a guest dials there is carried over.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HvSocket, HvSocketListener } from "../../../hcs/api.ts";

export class HvSockets {
  /** Where the program writes its ports. */
  readonly directory: string = mkdtempSync(join(tmpdir(), "runhcs-hv-"));
  readonly #violation: (what: string) => void;
  readonly #listeners = new Map<string, HvSocketListener>();
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
    const announced = new Set(this.#announced());
    for (const [name, listener] of this.#listeners) {
      if (announced.has(name)) continue;
      this.#listeners.delete(name);
      await listener.close();
    }
    for (const name of announced) if (!this.#listeners.has(name)) await this.#listen(name);
  }

  /** `<VM id>/<service id>` of each. */
  #announced(): string[] {
    return readdirSync(this.directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => readdirSync(join(this.directory, name)).map((service) => `${name}/${service}`));
  }

  async #listen(name: string): Promise<void> {
    const [vmId = "", serviceId = ""] = name.split("/");
    const port = this.#portOf(name);
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

  /** 0 when it is not written yet, which shows the next time, or not any more. */
  #portOf(name: string): number {
    try {
      return Number(readFileSync(join(this.directory, name), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
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
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
    for (const stream of this.#streams) stream.destroy();
  }
}
