/** Everything that is measured, as data: one row says how to take one value for one shim, and what is wanted of it. */
import type { Measure } from "./measure.ts";
import { copied, streamedPlain } from "./measures/copies.ts";
import { documentTime, planTime } from "./measures/documents.ts";
import { execGrowth, idleMemory, tenPods } from "./measures/memory.ts";
import { firstAnswer, nodeOverhead, startTime } from "./measures/start.ts";
import { streamed } from "./measures/stdio.ts";
import { execTime, killTime, runTime } from "./measures/tasks.ts";
import { callCpu, callLatency, goLike, large, rawLoad } from "./measures/ttrpc.ts";

const KIB = 1024;
const OFTEN = { full: 21, quick: 5 };
const SOME = { full: 11, quick: 3 };
const COPIES = { full: 1, quick: 1 };
const FEW = { full: 3, quick: 1 };

export const MEASURES: readonly Measure[] = [
  {
    name: "start",
    unit: "ms",
    better: "lower",
    rounds: OFTEN,
    bounds: { process: 3.8, warm: 0.35, shared: 0.35 },
    take: startTime,
  },
  {
    name: "start to first answer",
    unit: "ms",
    better: "lower",
    rounds: OFTEN,
    bounds: { process: 3.8, warm: 0.5, shared: 0.5 },
    take: firstAnswer,
  },
  {
    name: "start of a workload, over node empty.js",
    unit: "ms",
    better: "lower",
    rounds: OFTEN,
    bounds: { process: 15 },
    isAbsolute: true,
    take: nodeOverhead,
  },
  {
    name: "ctr run --rm of true",
    unit: "ms",
    better: "lower",
    rounds: SOME,
    bounds: { process: 1.75, warm: 1.15, shared: 1.15 },
    take: runTime,
  },
  {
    name: "ctr task exec of true",
    unit: "ms",
    better: "lower",
    rounds: SOME,
    bounds: { process: 1.1 },
    take: execTime,
  },
  {
    name: "Kill to Wait",
    unit: "ms",
    better: "lower",
    rounds: SOME,
    bounds: { process: 1.1 },
    take: killTime,
  },
  {
    name: "ttrpc State, one by one, p50",
    unit: "µs",
    better: "lower",
    rounds: { full: 7, quick: 3 },
    bounds: { process: 0.95 },
    take: callLatency,
  },
  {
    name: "ttrpc State, one by one, CPU of the server",
    unit: "µs",
    better: "lower",
    rounds: { full: 7, quick: 3 },
    bounds: { process: 0.6 },
    take: callCpu,
  },
  ...[16, 128].map((depth): Measure => ({
    name: `ttrpc State, ${depth} at once, a write for each`,
    unit: "calls/s",
    better: "higher",
    rounds: { full: 7, quick: 3 },
    bounds: { process: 1.3 },
    take: goLike(depth),
  })),
  ...(
    [
      [16, 1.5],
      [128, 3],
    ] as const
  ).map(([depth, bound]): Measure => ({
    name: `ttrpc State, ${depth} at once, raw load`,
    unit: "calls/s",
    better: "higher",
    rounds: { full: 7, quick: 3 },
    bounds: { process: bound },
    take: rawLoad(depth),
  })),
  ...(
    [
      ["64 KiB", 64 * KIB, 1.2],
      ["1 MiB", KIB * KIB, 1.4],
    ] as const
  ).map(([name, bytes, bound]): Measure => ({
    name: `ttrpc requests of ${name}`,
    unit: "MiB/s",
    better: "higher",
    rounds: { full: 7, quick: 3 },
    bounds: { process: bound },
    take: large(bytes),
  })),
  {
    name: "stdout of an exec to a client",
    unit: "MiB/s",
    better: "higher",
    rounds: { full: 5, quick: 1 },
    bounds: { process: 0.8 },
    take: streamed("pipes"),
  },
  {
    name: "output of an exec with a terminal",
    unit: "MiB/s",
    better: "higher",
    rounds: { full: 5, quick: 1 },
    bounds: { process: 0.9 },
    take: streamed("terminal"),
  },
  {
    name: "cp of one file in, beside plain gRPC that writes none",
    unit: "MiB/s",
    better: "higher",
    rounds: COPIES,
    bounds: { process: 0.2 },
    take: streamedPlain,
  },
  ...(["in", "out"] as const).flatMap((direction): Measure[] => [
    {
      name: `cp of one file ${direction}, beside tar through ctr exec`,
      unit: "MiB/s",
      better: "higher",
      rounds: COPIES,
      bounds: { process: 0.8 },
      take: copied("large", direction),
    },
    {
      name: `cp of small files ${direction}, beside tar through ctr exec`,
      unit: "files/s",
      better: "higher",
      rounds: COPIES,
      bounds: { process: 0.5 },
      take: copied("many", direction),
    },
  ]),
  {
    name: "private dirty memory, one idle pod",
    unit: "MiB",
    better: "lower",
    rounds: FEW,
    bounds: { process: 2 },
    take: idleMemory,
  },
  {
    name: "private dirty memory, ten idle pods",
    unit: "MiB",
    better: "lower",
    rounds: { full: 1, quick: 1 },
    bounds: { shared: 0.4 },
    take: tenPods,
  },
  {
    name: "growth of private dirty memory by execs, after trimming",
    unit: "KiB",
    better: "lower",
    rounds: { full: 1, quick: 0 },
    bounds: { process: 1024 },
    isAbsolute: true,
    take: execGrowth,
  },
  {
    name: "document of a container with 40 mounts",
    unit: "ms",
    better: "lower",
    rounds: SOME,
    bounds: { process: 2 },
    isAbsolute: true,
    take: documentTime,
  },
  {
    name: "hcsctl plan of a pod, whole process",
    unit: "ms",
    better: "lower",
    rounds: SOME,
    bounds: { process: 150 },
    isAbsolute: true,
    take: planTime,
  },
];
