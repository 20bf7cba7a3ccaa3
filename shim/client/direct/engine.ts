/**
 * Containers without containerd: this library keeps records, bundles and images in a directory, starts a shim for each
 * container as containerd would, and talks to it on its own socket.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { directContainers, lowerDirectories } from "./containers.ts";
import { directEvents } from "./events.ts";
import { DirectImages } from "./images.ts";
import { Shims } from "./shims.ts";
import { directTasks } from "./tasks.ts";

export interface DirectEngineOptions {
  /** Where everything is kept. */
  readonly directory: string;
  readonly namespace: string;
  /** Program and first arguments of the shim. */
  readonly shim: readonly string[];
  /** Added to the shim's environment: `RUNHCS_CONFIG`. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Everything of one engine, by path. */
export interface DirectLayout {
  readonly root: string;
  readonly images: string;
  readonly containers: string;
  readonly events: string;
}

export async function directEngine(options: DirectEngineOptions): Promise<Engine> {
  const own = join(options.directory, options.namespace);
  const layout: DirectLayout = {
    root: options.directory,
    images: join(options.directory, "images"),
    containers: join(own, "containers"),
    events: join(own, "events.jsonl"),
  };
  await mkdir(layout.containers, { recursive: true, mode: 0o711 });
  const images = new DirectImages(layout.images, () => lowerDirectories(layout.root));
  const containers = directContainers(layout, images);
  const shims = new Shims(layout, options);
  return {
    kind: "shim",
    description: `the shim alone, in ${options.directory}`,
    namespace: options.namespace,
    images,
    containers,
    tasks: directTasks(layout, containers, shims),
    events: (signal) => directEvents(layout.events, signal),
    [Symbol.asyncDispose]: () => shims.close(),
  };
}
