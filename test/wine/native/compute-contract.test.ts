/** The port's contract on both DLLs, with the emulator behind the stand-ins. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import { Win32ComputeSystems, type ComputeLibrary } from "../../../hcs/win32/compute/compute-systems.ts";
import { readHostInfo } from "../../../hcs/win32/host.ts";
import { withBackend } from "../../contract/backend.ts";
import { computeSystemContract } from "../../contract/compute-systems.ts";
import type { BackendUnderTest } from "../../contract/under-test.ts";
import { ask } from "./rig.ts";
import { assertClean } from "./cleanliness.ts";

let ids = 0;
const { directory: bootFiles } = readHostInfo().linuxBootFiles;
mkdirSync(bootFiles, { recursive: true });
writeFileSync(join(bootFiles, "kernel"), "");

/** What the contract of compute systems needs of a backend. */
function backendOf(library: ComputeLibrary): HcsBackend {
  const computeSystems = new Win32ComputeSystems(library);
  const parts: Partial<HcsBackend> = {
    computeSystems,
    serviceProperties: (query, options) => computeSystems.serviceProperties(query, options),
    host: async () => readHostInfo(),
    traits: {
      statistics: "runhcs",
      paths: "win32",
      stdio: "named-pipe",
      terminalStderr: "refused",
      pause: true,
      pipePrefix: "\\\\.\\pipe\\",
      terminatedExitCode: 0,
    },
  };
  return parts as HcsBackend;
}

async function underTest(library: ComputeLibrary): Promise<BackendUnderTest> {
  await ask("useEmulator");
  return {
    backend: backendOf(library),
    another: () => backendOf(library),
    directory: "",
    systemId: () => `w${process.pid}-${ids++}@vm`,
    document: (changes = {}) => ask("vmDocument", changes),
    look: (see) => see(),
    makeNetwork: () => assert.fail("compute systems have no network of their own"),
    dispose: assertClean,
  };
}

for (const library of ["computecore", "vmcompute"] as const) {
  const factory = { name: library, obstacle: () => undefined, create: () => underTest(library) };
  withBackend(`${library}: compute systems`, factory, computeSystemContract);
}
