/** Contract: what can be changed of a VM that exists. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ComputeSystem } from "../../hcs/api.ts";
import { isAlreadyExists, isHcs, isNotFound, isNotSupported, isWin32 } from "../../hcs/hresult.ts";
import {
  MEMORY_SIZE,
  networkAdapterPath,
  PLAN9_FLAG,
  PLAN9_SHARES,
  PROCESSOR_LIMITS,
  type Plan9Share,
} from "../../hcs/schema/modify.ts";
import { createSystem, endSystem, hcsError, type BackendUnderTest } from "./under-test.ts";

const hresultOf = (error: unknown): number => (error as { hresult: number }).hresult;
const isInvalidArgument = (error: unknown): boolean => isWin32(hresultOf(error), 0x57);
const isInvalidJson = (error: unknown): boolean => isHcs(hresultOf(error), 0x010d);

const NIC = "11111111-2222-4333-8444-555555555555";

export function modifyContract(under: () => BackendUnderTest): void {
  let system: ComputeSystem;

  beforeEach(async () => {
    system = await createSystem(under());
  });
  afterEach(async () => {
    await endSystem(system);
  });

  const share = (
    changes: Partial<Plan9Share> & { RequestType?: "Add" | "Remove" | "Update" } = {},
  ): Promise<void> => {
    const { RequestType = "Add", ...settings } = changes;
    const Settings = { Name: "0", AccessName: "0", Port: 564, ...settings };
    return system.modify({ ResourcePath: PLAN9_SHARES, RequestType, Settings });
  };

  describe("Plan9 shares", () => {
    it("can be added and removed, before and after the start", async () => {
      const Path = under().directory;
      await share({ Path, Flags: PLAN9_FLAG.linuxMetadata });
      await system.start();
      await share({
        Path,
        Name: "1",
        AccessName: "1",
        Flags: PLAN9_FLAG.linuxMetadata | PLAN9_FLAG.readOnly,
      });
      await share({ RequestType: "Remove" });
      await share({ Path, Flags: PLAN9_FLAG.linuxMetadata });
    });

    it("have a name only once", async () => {
      await share({ Path: under().directory });
      await assert.rejects(
        share({ Path: under().directory }),
        hcsError(isAlreadyExists, "modify compute system", '"0"'),
      );
    });

    it("need a directory that is there", async () => {
      const missing = join(under().directory, "missing");
      await assert.rejects(share({ Path: missing }), hcsError(isNotFound, missing));
      // The failed one left nothing: the name is free.
      await share({ Path: under().directory });
    });

    it("can be restricted to files that are there", async () => {
      const { directory } = under();
      writeFileSync(join(directory, "yes"), "");
      const Flags = PLAN9_FLAG.linuxMetadata | PLAN9_FLAG.restrictFileAccess;
      const restricted = (files: string[]): Promise<void> =>
        share({ Path: directory, Flags, AllowedFiles: files });
      await assert.rejects(restricted(["yes", "no"]), hcsError(isNotFound, join(directory, "no")));
      await assert.rejects(restricted(["../yes"]), hcsError(isInvalidArgument, "../yes"));
      await restricted(["yes"]);
    });

    it("cannot be removed when they are not there", async () => {
      await assert.rejects(
        share({ RequestType: "Remove", Name: "7", AccessName: "7" }),
        hcsError(isNotFound, '"7"'),
      );
    });

    it("refuse settings of another form", async () => {
      const Path = under().directory;
      await assert.rejects(share({}), hcsError(isInvalidJson, "/Path is required"));
      await assert.rejects(share({ Path, Port: "564" as never }), hcsError(isInvalidJson, "/Port"));
      await assert.rejects(share({ Path, ...{ Colour: "red" } }), hcsError(isInvalidJson, "/Colour"));
    });

    it("survive in number", async () => {
      const names = Array.from({ length: 40 }, (_, index) => String(index));
      for (const name of names) mkdirSync(join(under().directory, name));
      await Promise.all(
        names.map((name) => share({ Name: name, AccessName: name, Path: join(under().directory, name) })),
      );
      await Promise.all(names.map((name) => share({ RequestType: "Remove", Name: name, AccessName: name })));
      await share({ Path: under().directory });
    });
  });

  describe("network adapters", () => {
    const adapter = (
      RequestType: "Add" | "Remove" | "Update",
      EndpointId: string,
      nic = NIC,
    ): Promise<void> =>
      system.modify({ ResourcePath: networkAdapterPath(nic), RequestType, Settings: { EndpointId } });

    it("are added for endpoints that have been looked up, once", async () => {
      const { reference } = await under().makeNetwork();
      const { endpoints } = await under().backend.network.openNamespace(reference);
      const { id } = endpoints[0]!;
      await adapter("Add", id);
      await assert.rejects(adapter("Add", id), hcsError(isAlreadyExists, NIC));
      await adapter("Remove", id);
      await adapter("Add", id);
    });

    it("are refused for unknown endpoints and unknown adapters", async () => {
      await assert.rejects(adapter("Add", NIC), hcsError(isNotFound, NIC));
      await assert.rejects(adapter("Remove", NIC), hcsError(isNotFound, NIC));
    });
  });

  describe("compute topology", () => {
    const set = (ResourcePath: string, Settings: unknown): Promise<void> =>
      system.modify({ ResourcePath, Settings });

    it("takes memory in even MiB and answers it afterwards", async () => {
      await set(MEMORY_SIZE, 768);
      const { Memory } = await system.properties({ PropertyTypes: ["Memory"] });
      assert.equal(Memory?.VirtualMachineMemory?.AssignedMemory, (768 * 1024 ** 2) / 4096);
      await assert.rejects(set(MEMORY_SIZE, 767), hcsError(isInvalidArgument, "767"));
      await assert.rejects(set(MEMORY_SIZE, "768"), hcsError(isInvalidJson, "768"));
    });

    it("takes processor limits", async () => {
      await set(PROCESSOR_LIMITS, { Limit: 50_000, Weight: 200 });
      await assert.rejects(set(PROCESSOR_LIMITS, { Weight: 20_000 }), hcsError(isInvalidArgument, "/Weight"));
    });
  });

  describe("other requests", () => {
    it("are refused with the resource they name", async () => {
      const path = "VirtualMachine/Devices/VirtualPci/11111111-2222-4333-8444-555555555555";
      const request = { ResourcePath: path, RequestType: "Add" as const, Settings: {} };
      await assert.rejects(system.modify(request), hcsError(isNotSupported, path));
      await assert.rejects(
        share({ RequestType: "Update", Path: "/" }),
        hcsError(isNotSupported, PLAN9_SHARES, "Update"),
      );
      await assert.rejects(system.modify({} as never), hcsError(isInvalidJson, "/ResourcePath is required"));
    });
  });
}
