/** Windows containers of the emulator: a base layer for all tests, and specs by what matters in them. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CGROUP_PARENT } from "../../hcs/emulator/systems/state-directory.ts";
import { makeBaseLayer } from "../../hcs/emulator/windows/base-layer.ts";
import { ensureTemplate } from "../../hcs/emulator/windows/template.ts";
import { findWine, NO_WINE } from "../../hcs/emulator/windows/wine.ts";
import { CONTAINER_TYPE, SANDBOX_ID } from "../../oci/identity.ts";
import { cacheDirectory } from "../../scripts/setup/cache.ts";
import type { Ctr } from "./ctr.ts";
import { mustRun } from "./command.ts";
import { imageArchive } from "./image.ts";
import { buildProbe } from "./windows-probe.ts";

/** Where tests keep the template, so that it is made once for all of them. */
export const WINDOWS_DIRECTORY: string = join(cacheDirectory(), "windows");

const MEBIBYTE = 1024 ** 2;

export interface WindowsSpec {
  /** Instead of {@link args}. ctr runs it for execs too. */
  readonly commandLine?: string;
  readonly args?: readonly string[];
  readonly user?: string;
  readonly cwd?: string;
  readonly env?: readonly string[];
  readonly terminal?: boolean;
  readonly hostname?: string;
  readonly mounts?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly hyperv?: boolean;
  readonly resources?: object;
  readonly networkNamespace?: string;
  /** Folders of layers between the base layer and the scratch, uppermost first. */
  readonly layers?: readonly string[];
}

/** A directory with a base layer (`C:\\probe.exe` is in it, see test/windows/programs), and scratch layers and specs as they are asked for. */
export class WindowsImages {
  readonly directory: string = mkdtempSync(join(tmpdir(), "rw-"));
  readonly base: string = join(this.directory, "base");

  /** @throws when Wine is not installed */
  static async create(): Promise<WindowsImages> {
    const wine = findWine();
    if (wine === undefined) throw new Error(NO_WINE);
    const template = await ensureTemplate(WINDOWS_DIRECTORY, wine);
    const images = new WindowsImages();
    makeBaseLayer(images.base, template);
    await buildProbe(join(images.base, "Files", "probe.exe"));
    return images;
  }

  /** Writes the spec of container `id`, with a scratch of its own. @returns path of the spec */
  spec(id: string, spec: WindowsSpec): string {
    const scratch = join(this.directory, "scratch", id);
    mkdirSync(scratch, { recursive: true });
    const path = join(this.directory, `${id}.json`);
    writeFileSync(path, JSON.stringify(windowsSpec(spec, [...(spec.layers ?? []), this.base, scratch])));
    return path;
  }

  /** Writes an OCI archive of one image whose only layer is the base. @returns its path */
  async archive(name: string): Promise<string> {
    const folder = join(this.directory, "packed");
    cpSync(this.base, folder, { recursive: true });
    // What a VM is to write to is empty: an archive holds less of it.
    for (const disk of ["SystemTemplate.vhdx", "SystemTemplateBase.vhdx"])
      truncateSync(join(folder, "UtilityVM", disk), MEBIBYTE);
    const layer = join(this.directory, "layer.tar");
    await mustRun("tar", ["--create", "--file", layer, "--directory", folder, "."]);
    const config = { Cmd: ["cmd", "/c", "echo the image's own command"], WorkingDir: "C:\\" };
    const path = join(this.directory, "image.tar");
    writeFileSync(path, imageArchive([{ name, os: "windows", layer: readFileSync(layer), config }]));
    return path;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** True for a process of the host that belongs to a compute system of the emulator. */
export function isHostPid(pid: number): boolean {
  const path = `/proc/${pid}/cgroup`;
  return existsSync(path) && readFileSync(path, "utf8").includes(`${CGROUP_PARENT}/`);
}

/** Pods of Windows containers, as a client of containerd makes them that annotates its specs itself. */
export class WindowsPods {
  readonly #ctr: Ctr;
  readonly #images: WindowsImages;

  constructor(ctr: Ctr, images: WindowsImages) {
    this.#ctr = ctr;
    this.#images = images;
  }

  /** Starts the sandbox of pod `pod`. */
  async start(pod: string, spec: WindowsSpec = {}): Promise<void> {
    const config = this.#images.spec(pod, {
      commandLine: "c:\\windows\\system32\\cmd.exe",
      ...spec,
      annotations: { ...spec.annotations, [CONTAINER_TYPE]: "sandbox", [SANDBOX_ID]: pod },
    });
    await this.#ctr.runDetached(pod, { config });
  }

  /** @returns path of the spec of a container in the pod */
  member(pod: string, id: string, spec: WindowsSpec): string {
    return this.#images.spec(id, {
      ...spec,
      annotations: { ...spec.annotations, [CONTAINER_TYPE]: "container", [SANDBOX_ID]: pod },
    });
  }

  /** Removes tasks and their containers, whatever they do; the sandbox last. */
  async end(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.#ctr.must("tasks", "delete", "--force", id);
      await this.#ctr.deleteContainer(id);
    }
  }
}

function windowsSpec(spec: WindowsSpec, layerFolders: readonly string[]): object {
  const { commandLine, args = [], user = "ContainerUser", cwd = "C:\\", env = [], networkNamespace } = spec;
  return {
    ociVersion: "1.0.2",
    process: { user: { username: user }, commandLine, args, cwd, env, terminal: spec.terminal === true },
    root: { path: "" },
    ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
    mounts: spec.mounts ?? [],
    annotations: spec.annotations ?? {},
    windows: {
      layerFolders,
      ...(spec.hyperv === true ? { hyperv: {} } : {}),
      ...(spec.resources === undefined ? {} : { resources: spec.resources }),
      ...(networkNamespace === undefined ? {} : { network: { networkNamespace } }),
    },
  };
}
