/** Windows containers by the container library: exit codes of 32 bits, sizes of consoles and events, which ctr does not show. */
import { join } from "node:path";
import type { ContainerClient } from "../../shim/client/client.ts";
import { connectClient } from "../../shim/client/connect.ts";
import type { Container } from "../../shim/client/container.ts";
import type { ContainerOptions } from "../../shim/client/options/options.ts";
import type { Containerd } from "./containerd.ts";
import { WindowsImages } from "./windows-containers.ts";

export type WindowsPlace = "process isolation" | "hypervisor isolation" | "a HostProcess container";

/** What a container is asked for with to be in each place that a Windows program can be in. */
export const WINDOWS_PLACES: Readonly<Record<WindowsPlace, Partial<ContainerOptions>>> = {
  "process isolation": {},
  "hypervisor isolation": { isolation: "hypervisor" },
  "a HostProcess container": { hostProcess: { inheritUser: true }, cwd: "" },
};

export class WindowsLibrary {
  readonly client: ContainerClient;
  readonly images: WindowsImages;

  private constructor(client: ContainerClient, images: WindowsImages) {
    this.client = client;
    this.images = images;
  }

  static async open({ address, namespace, directory }: Containerd): Promise<WindowsLibrary> {
    const images = await WindowsImages.create();
    const stateDirectory = join(directory, "client");
    return new WindowsLibrary(
      await connectClient({ engine: "containerd", address, namespace, stateDirectory }),
      images,
    );
  }

  /** A container of the base layer. */
  create(args: readonly string[], options: Partial<ContainerOptions> = {}): Promise<Container> {
    const layers = [{ type: "base" as const, path: this.images.base }];
    return this.client.create({ os: "windows", layers, args, ...options });
  }

  async close(): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    this.images.remove();
  }
}
