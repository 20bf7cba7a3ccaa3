/** A VM that notes what is asked of it and its guest, for tests of devices. */
import type { Storage } from "../../hcs/api.ts";
import type { GuestConnection } from "../../hcs/guest/connection.ts";
import type { GuestResourceRequest } from "../../hcs/guest/resources.ts";
import type { ModifySettingRequest } from "../../hcs/schema/modify.ts";
import type { UvmView } from "../../shim/pod/vm/uvm.ts";

export class FakeUvm {
  /** `Add <path> <settings>` for the host, `guest Add <type> <settings>` for the guest, in order; failed ones not. */
  readonly calls: string[] = [];
  /** False: the VM is gone. */
  isAlive = true;
  readonly #failures: string[] = [];

  readonly view: UvmView;
  readonly storage: Pick<Storage, "grantVmAccess"> = {
    grantVmAccess: async (_vm, path) => this.#note(`grant ${path}`),
  };

  constructor() {
    const isAlive = (): boolean => this.isAlive;
    this.view = {
      id: "pod@vm",
      boundary: { allow: () => undefined, level: "shared" },
      runtimeId: "a0000000-0000-4000-8000-000000000001",
      get isAlive(): boolean {
        return isAlive();
      },
      system: {
        modify: async (request) => this.#note(describeHost(request)),
        properties: async () => ({}),
      },
      guest: {
        modify: async (request: GuestResourceRequest) => this.#note(describeGuest(request)),
      } as GuestConnection,
    };
  }

  /** The next call that begins with this fails. */
  fail(prefix: string): void {
    this.#failures.push(prefix);
  }

  #note(call: string): void {
    const failure = this.#failures.findIndex((prefix) => call.startsWith(prefix));
    if (failure >= 0) throw new Error(`${this.#failures.splice(failure, 1).join("")} failed`);
    this.calls.push(call);
  }
}

function describeHost({ RequestType, ResourcePath, Settings }: ModifySettingRequest): string {
  const what = `${RequestType ?? "Set"} ${ResourcePath}`;
  return Settings === undefined ? what : `${what} ${JSON.stringify(Settings)}`;
}

function describeGuest({ RequestType, ResourceType, Settings }: GuestResourceRequest): string {
  return `guest ${RequestType} ${ResourceType} ${JSON.stringify(Settings)}`;
}
