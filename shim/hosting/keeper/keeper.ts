/**
 * The keeper of a node: answers `start` and `delete` without booting Node for each, holds booted processes ready, and has the
 * process that shared pods live in. Nothing depends on it: whoever finds it gone does what it would have done.
 */
import type { Socket } from "node:net";
import type { Programs } from "../../bootstrap/programs.ts";
import { systemClock } from "../../clock.ts";
import { deleteTask } from "../../commands/delete.ts";
import { start } from "../../commands/start.ts";
import { messageOf } from "../../errors.ts";
import { parseFlags, SHIM_FLAGS, shimFlags } from "../../flags.ts";
import type { Hosting, Options } from "../../options/own.ts";
import { CAN_PASS_CONNECTIONS } from "../../platform/facts.ts";
import { servingPlatform, type Listener } from "../../platform/serving.ts";
import { platformReclaimers } from "../../resources/platform-reclaimers.ts";
import { removeDeadDoors } from "../doors.ts";
import type { PodOrder } from "../order.ts";
import { Member, MemberLostError, type MemberPod, type Place } from "./members.ts";
import { makeRehearsedBundle, rehearseKeeper } from "./rehearsal.ts";
import { decodeRequest, encodeReply, type KeeperReply, type KeeperRequest } from "./protocol.ts";

/** The keeper cannot do it; whoever asked can. */
class DeclinedError extends Error {
  override readonly name = "DeclinedError";
}

/** Between handing a spare out and booting the next: the pod that got it needs the processor first. */
const REFILL_AFTER_MS = 200;

/** A pod whose process dies as often as this within so many milliseconds is what it dies of: it is not handed on. */
const MOST_TAKEOVERS = { times: 3, withinMs: 60_000 };

export interface KeeperInit {
  readonly address: string;
  /** Directory of the installation: one that has been replaced is not served any more. */
  readonly installation: string;
  readonly programs: Programs;
  /** Options of the node. */
  readonly options: Options;
  /** It has answered a request. */
  readonly onAnswered: () => void;
  /** It is not needed any more. */
  readonly onIdle: () => void;
}

export class Keeper {
  readonly #init: KeeperInit;
  readonly #spares = new Set<Member>();
  #shared: Member | undefined;
  #requests = 0;
  #isRefilling = false;
  #listener: Listener | undefined;
  #cancelIdle: (() => void) | undefined;
  /** The bundle whose pod needs no process. */
  #rehearsed: string | undefined;

  constructor(init: KeeperInit) {
    this.#init = init;
  }

  /** @returns false when there is a keeper already */
  async listen(): Promise<boolean> {
    const serving = await servingPlatform();
    this.#listener = await serving.offer(this.#init.address, (socket) => this.#serve(socket));
    if (this.#listener === undefined) return false;
    await removeDeadDoors(this.#init.address);
    this.#refill();
    this.#watchIdle();
    // Whoever comes meanwhile is served, too; a keeper that has not rehearsed is only slower.
    if (CAN_PASS_CONNECTIONS)
      this.#rehearse().catch((error: unknown) => {
        process.stderr.write(`keeper: cannot rehearse: ${messageOf(error)}\n`);
      });
    return true;
  }

  async #rehearse(): Promise<void> {
    using bundle = makeRehearsedBundle(this.#init.address);
    const dispose = (): void => bundle[Symbol.dispose]();
    process.once("exit", dispose);
    this.#rehearsed = bundle.path;
    await rehearseKeeper(this.#init.address, this.#init.installation, bundle.path);
    process.off("exit", dispose);
  }

  /** Takes the address away. Spares end; pods stay. */
  close(): void {
    this.#listener?.close();
    for (const spare of this.#spares) spare.release();
    this.#shared?.release();
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      let request: KeeperRequest | undefined;
      try {
        request = decodeRequest(received);
      } catch {
        // Not one of ours: whoever it is gets no answer.
        socket.destroy();
        return;
      }
      if (request === undefined) return;
      socket.off("data", onData);
      // Not by end(): on Windows that waits for the reader.
      void this.#answer(request).then((reply) => socket.write(encodeReply(reply), () => socket.destroy()));
    };
    socket.on("data", onData);
    // Whoever asked is gone; what it asked for is done all the same.
    socket.on("error", () => socket.destroy());
  }

  async #answer(request: KeeperRequest): Promise<KeeperReply> {
    this.#requests += 1;
    this.#cancelIdle?.();
    try {
      if (request.installation !== this.#init.installation) throw new DeclinedError("another installation");
      return { verdict: "done", ...(await this.#execute(request)) };
    } catch (error) {
      const verdict = error instanceof DeclinedError ? "declined" : "failed";
      return { verdict, stdout: new Uint8Array(0), stderr: messageOf(error) };
    } finally {
      this.#requests -= 1;
      this.#init.onAnswered();
      this.#watchIdle();
    }
  }

  #execute(request: KeeperRequest): Promise<Pick<KeeperReply, "stdout" | "stderr">> {
    const parsed = parseFlags(request.args, SHIM_FLAGS);
    const command = COMMANDS[parsed.rest[0] ?? ""];
    if (command === undefined || parsed.switches.size > (parsed.switches.has("debug") ? 1 : 0))
      throw new DeclinedError("not a command of the keeper");
    return command(this, request, shimFlags(parsed));
  }

  /** Finds a process for a pod. @returns undefined when somebody serves the pod's address already */
  async host(mode: Hosting, order: PodOrder): Promise<Place | undefined> {
    if (order.flags.bundle === this.#rehearsed) return { pid: process.pid };
    try {
      switch (mode) {
        case "process":
          throw new DeclinedError("the pod gets a process of its own");
        case "warm":
          return await this.#hand(order);
        case "shared":
          return await this.#sharedMember().host(order);
      }
    } catch (error) {
      // Whoever asked starts a process for it.
      if (error instanceof MemberLostError) throw new DeclinedError(error.message);
      throw error;
    }
  }

  async #hand(order: PodOrder): Promise<Place | undefined> {
    const spare = [...this.#spares].find(({ isReady }) => isReady);
    // One that is booting has no start over one that is started now.
    if (spare === undefined) throw new DeclinedError("no spare is ready");
    this.#spares.delete(spare);
    this.#refillLater();
    return spare.host(order);
  }

  #sharedMember(): Member {
    if (this.#shared === undefined || this.#shared.hasEnded) this.#shared = this.#boot();
    return this.#shared;
  }

  #boot(): Member {
    return new Member(this.#init.programs.serve, {
      onPodEnded: () => this.#watchIdle(),
      onPodsLost: (pods) => this.#succeed(pods),
    });
  }

  /** The shared process has died: another takes its pods over. Pods that it cannot have end with their connections. */
  #succeed(pods: readonly MemberPod[]): void {
    this.#shared = undefined;
    const now = systemClock.monotonic();
    for (const { order, held, takeovers } of pods) {
      const recent = takeovers.filter((at) => now - at < MOST_TAKEOVERS.withinMs);
      if (!CAN_PASS_CONNECTIONS || !order.isShared || recent.length >= MOST_TAKEOVERS.times) {
        held.close();
        continue;
      }
      const successor = this.#sharedMember();
      successor.takeOver({ order, held, takeovers: [...recent, now] }).catch((error: unknown) => {
        process.stderr.write(`keeper: pod "${order.flags.id}" was not taken over: ${messageOf(error)}\n`);
      });
    }
    this.#watchIdle();
  }

  #refillLater(): void {
    if (this.#isRefilling) return;
    this.#isRefilling = true;
    systemClock.setTimeout(() => {
      this.#isRefilling = false;
      this.#refill();
    }, REFILL_AFTER_MS);
  }

  #refill(): void {
    const { options } = this.#init;
    if (options.hosting === "shared") {
      this.#sharedMember();
      return;
    }
    while (this.#spares.size < options.keeperSpares) {
      const spare = this.#boot();
      this.#spares.add(spare);
      // One that ends is not replaced before another is needed: it would end again.
      void spare.gone.then(() => this.#spares.delete(spare));
    }
  }

  #watchIdle(): void {
    this.#cancelIdle?.();
    if (this.#requests > 0 || (this.#shared?.pods ?? 0) > 0) return;
    this.#cancelIdle = systemClock.setTimeout(this.#init.onIdle, this.#init.options.keeperIdleMs);
  }
}

type Command = (
  keeper: Keeper,
  request: KeeperRequest,
  flags: ReturnType<typeof shimFlags>,
) => Promise<Pick<KeeperReply, "stdout" | "stderr">>;

const COMMANDS: Readonly<Record<string, Command>> = {
  start: async (keeper, { workingDirectory, stdin, environment }, flags) => {
    const output = await start(flags, {
      bundle: workingDirectory,
      stdin,
      environment,
      reclaimers: platformReclaimers,
      placement: { kind: "keeper", host: (mode, order) => keeper.host(mode, order) },
    });
    return { stdout: Buffer.from(output, "utf8"), stderr: "" };
  },
  delete: async (_keeper, { environment }, flags) => {
    const { response, remarks } = await deleteTask(flags, {
      environment,
      reclaimers: platformReclaimers,
      now: () => Date.now(),
    });
    return { stdout: response, stderr: remarks.map((remark) => `${remark}\n`).join("") };
  },
};
