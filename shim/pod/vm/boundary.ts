/**
 * The boundary of one VM, held where it cannot be walked around: its document is made within the level, and every request
 * that changes the VM passes here. Also knows what crosses, for whoever asks.
 */
import type { ComputeSystem } from "../../../hcs/api.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import { overriding } from "../../../hcs/overriding.ts";
import type { ModifySettingRequest } from "../../../hcs/schema/modify.ts";
import type { BoundaryLevel } from "../../../oci/boundary/levels.ts";
import { documentWithin, requireWithin, shareOf, type SharedPath } from "../../../oci/boundary/rules.ts";
import { isObject } from "../../../oci/json.ts";

export class Boundary {
  readonly level: BoundaryLevel;
  /** Prefixes of paths that are the platform's. */
  readonly #platform = new Set<string>();
  /** What is shared now, by name. */
  readonly #shares = new Map<string, SharedPath>();
  readonly #disks = new Map<string, { readonly path: string; readonly readOnly: boolean }>();
  #document: ComputeSystemDocument | undefined;

  constructor(level: BoundaryLevel) {
    this.level = level;
  }

  /** @throws {SpecError} where the document cannot be within the level */
  admit(document: ComputeSystemDocument): ComputeSystemDocument {
    this.#document = documentWithin(document, this.level);
    for (const { Name, Path = "", Options } of this.#document.VirtualMachine?.Devices?.VirtualSmb?.Shares ??
      [])
      this.#shares.set(Name, { protocol: "smb", path: Path, readOnly: Options?.ReadOnly === true });
    return this.#document;
  }

  /** A layer, or the agent: what may be shared read-only where user data may not. */
  allow(path: string): void {
    this.#platform.add(path);
  }

  isPlatform(path: string): boolean {
    return [...this.#platform].some(
      (prefix) => path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}\\`),
    );
  }

  get shares(): readonly SharedPath[] {
    return [...this.#shares.values()];
  }

  get disks(): readonly { readonly path: string; readonly readOnly: boolean }[] {
    const machine = this.#document?.VirtualMachine?.Devices?.Scsi ?? {};
    const first = Object.values(machine).flatMap(({ Attachments = {} }) => Object.values(Attachments));
    return [
      ...first.map(({ Path, ReadOnly }) => ({ path: Path, readOnly: ReadOnly === true })),
      ...this.#disks.values(),
    ];
  }

  /** The same system; it carries out only what the level allows. */
  guard<System extends Pick<ComputeSystem, "modify">>(system: System): System {
    const modify: ComputeSystem["modify"] = async (request, options) => {
      requireWithin(request, this.level, (path) => this.isPlatform(path));
      await system.modify(request, options);
      this.#note(request);
    };
    return overriding(system, { modify } as Partial<System>);
  }

  #note(request: ModifySettingRequest): void {
    const { ResourcePath, RequestType, Settings } = request;
    const name = isObject(Settings) && typeof Settings["Name"] === "string" ? Settings["Name"] : ResourcePath;
    const share = shareOf(request);
    if (share !== undefined) this.#shares.set(name, share);
    else if (RequestType === "Remove") {
      this.#shares.delete(name);
      this.#disks.delete(ResourcePath);
    } else if (/\/(?:Attachments|VirtualPMem)\//.test(ResourcePath) && isObject(Settings)) {
      const path = Settings["Path"] ?? Settings["HostPath"];
      if (typeof path === "string")
        this.#disks.set(ResourcePath, { path, readOnly: Settings["ReadOnly"] === true });
    }
  }
}
