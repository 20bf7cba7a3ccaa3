/**
 * The emulator behind a recorder, and replays of what was recorded: each test of the contract makes a recording, which is
 * what the same test gets in its second run instead of an emulator.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { HcsBackend } from "../../hcs/api.ts";
import { Recording } from "../../hcs/trace/recorder.ts";
import { Replay } from "../../hcs/trace/replay.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { MemorySink } from "../support/memory-sink.ts";
import { emulatorObstacle, EmulatorUnderTest } from "./emulator-under-test.ts";
import type { BackendFactory, BackendUnderTest } from "./under-test.ts";

type Network = Awaited<ReturnType<BackendUnderTest["makeNetwork"]>>;

/** What a test learned in its first run other than through the port. */
interface Facts {
  readonly directory: string;
  readonly ids: string[];
  readonly documents: ComputeSystemDocument[];
  readonly networks: Network[];
  /** What was seen, or the error that looking ended with. */
  readonly sights: { readonly seen?: unknown; readonly error?: Error }[];
}

/** Test → its first run. */
const firstRuns = new Map<string, { readonly sink: MemorySink; readonly facts: Facts }>();

class RecordedEmulator implements BackendUnderTest {
  readonly backend: HcsBackend;
  readonly directory: string;
  readonly #inner: EmulatorUnderTest;
  readonly #recording: Recording;
  readonly #facts: Facts;

  constructor(inner: EmulatorUnderTest, test: string) {
    const sink = new MemorySink();
    this.#inner = inner;
    this.directory = inner.directory;
    this.#recording = new Recording(sink);
    this.backend = this.#recording.of(inner.backend);
    this.#facts = { directory: inner.directory, ids: [], documents: [], networks: [], sights: [] };
    firstRuns.set(test, { sink, facts: this.#facts });
  }

  another(): HcsBackend {
    return this.#recording.of(this.#inner.another());
  }

  systemId(): string {
    return kept(this.#facts.ids, this.#inner.systemId());
  }

  async document(changes?: Partial<ComputeSystemDocument>): Promise<ComputeSystemDocument> {
    const document = await this.#inner.document(changes);
    this.#facts.documents.push(structuredClone(document));
    return document;
  }

  async makeNetwork(): Promise<Network> {
    return kept(this.#facts.networks, await this.#inner.makeNetwork());
  }

  look<T>(see: () => T): T {
    try {
      const seen = this.#inner.look(see);
      this.#facts.sights.push({ seen });
      return seen;
    } catch (error) {
      this.#facts.sights.push({ error: error as Error });
      throw error;
    }
  }

  dispose(): Promise<void> {
    return this.#inner.dispose();
  }
}

class ReplayUnderTest implements BackendUnderTest {
  readonly backend: HcsBackend;
  readonly directory: string;
  readonly #replay: Replay;
  readonly #facts: Facts;

  constructor(test: string) {
    const first = firstRuns.get(test);
    assert.ok(first, `"${test}" was not recorded: its first run must be chosen, too`);
    const { directory, ids, documents, networks, sights } = first.facts;
    this.#facts = {
      directory,
      ids: [...ids],
      documents: structuredClone(documents),
      networks: [...networks],
      sights: [...sights],
    };
    this.directory = this.#facts.directory;
    assert.equal(existsSync(this.directory), false);
    mkdirSync(this.directory, { recursive: true });
    this.#replay = new Replay(first.sink.text);
    this.backend = this.#replay.backend();
  }

  another(): HcsBackend {
    return this.#replay.backend();
  }

  systemId(): string {
    return next(this.#facts.ids);
  }

  document(): Promise<ComputeSystemDocument> {
    return Promise.resolve(next(this.#facts.documents));
  }

  makeNetwork(): Promise<Network> {
    return Promise.resolve(next(this.#facts.networks));
  }

  look<T>(): T {
    const { seen, error } = next(this.#facts.sights);
    if (error !== undefined) throw error;
    return seen as T;
  }

  async dispose(): Promise<void> {
    rmSync(dirname(this.directory), { recursive: true });
    await this.#replay.finish();
  }
}

function kept<T>(list: T[], item: T): T {
  list.push(item);
  return item;
}

function next<T>(list: T[]): T {
  const item = list.shift();
  assert.ok(item !== undefined, "the test asks for more than it did when it was recorded");
  return item;
}

export const recordedFactory: BackendFactory = {
  name: "emulator, recorded",
  obstacle: emulatorObstacle,
  create: async (test) => new RecordedEmulator(await EmulatorUnderTest.create(), test),
};

export const replayFactory: BackendFactory = {
  name: "replay",
  obstacle: emulatorObstacle,
  create: (test) => Promise.resolve(new ReplayUnderTest(test)),
};
