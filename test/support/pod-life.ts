/** One life of one pod, with an emulator of its own and a place for everything; and the steps such a life has. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AroundPhase } from "../../shim/phases/phases.ts";
import type { PhaseName } from "../../shim/phases/table.ts";
import { EmulatorUnderTest } from "../contract/emulator-under-test.ts";
import { makeRootfs } from "./guest-rootfs.ts";
import type { PodClientOptions } from "./pod-client.ts";
import { PodScenario } from "./pod-scenario.ts";
import { ShimUnderTest } from "./shim-under-test.ts";

/** A step by its place in the life of the pod. */
export interface Place {
  readonly verb: string;
  readonly task: string;
  readonly phase: PhaseName;
}

export function describePlace({ verb, task, phase }: Place): string {
  return `${phase} of ${verb} "${task}"`;
}

/** Where the things of a life are: all below one directory. */
export interface Places extends Omit<PodClientOptions, "client"> {
  /** The shim's own state directory: journals. */
  readonly shimState: string;
}

/** Makes what a pod needs before its life begins. */
export async function preparePlaces(under: EmulatorUnderTest): Promise<Places> {
  const { directory } = under;
  const rootfs = join(directory, "rootfs");
  makeRootfs(rootfs);
  const bundles = join(directory, "bundles");
  mkdirSync(bundles);
  const { reference } = await under.makeNetwork();
  return { rootfs, bundles, network: reference, shimState: join(directory, "shim") };
}

/** A life in this process. */
export class PodLife {
  readonly under: EmulatorUnderTest;
  readonly shim: ShimUnderTest;
  readonly scenario: PodScenario;
  readonly shimState: string;

  private constructor(under: EmulatorUnderTest, shim: ShimUnderTest, places: Places) {
    this.under = under;
    this.shim = shim;
    this.shimState = places.shimState;
    this.scenario = new PodScenario({ client: shim.client, ...places });
  }

  /** @param own options of the node */
  static async create(
    around: (life: () => PodLife) => AroundPhase,
    own: Readonly<Record<string, string>> = {},
    changes: Pick<Places, "mountsOf"> = {},
  ): Promise<PodLife> {
    const under = await EmulatorUnderTest.create();
    const places = { ...(await preparePlaces(under)), ...changes };
    const shim = await ShimUnderTest.create({
      backend: under.backend,
      stateDirectory: places.shimState,
      around: around(() => life),
      own,
    });
    const life: PodLife = new PodLife(under, shim, places);
    return life;
  }

  async end(): Promise<void> {
    await this.shim.close();
    await this.under.dispose();
  }
}

/** All steps of a life in which nothing fails, each once, in their order. */
export async function recordPlaces(): Promise<Place[]> {
  const places = new Map<string, Place>();
  const life = await PodLife.create(() => (step, work) => {
    const { verb, task, phase, signal } = step;
    places.set(describePlace(step), { verb, task, phase });
    return work(signal);
  });
  await life.scenario.run();
  assert.deepEqual(life.scenario.refused(), []);
  await life.end();
  return [...places.values()];
}
