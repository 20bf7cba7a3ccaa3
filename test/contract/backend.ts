/** The contract of the port: what every backend must do. Each topic is a file; this runs them all on one backend. */
import { computeSystemContract } from "./compute-systems.ts";
import { hvSocketContract } from "./hv-sockets.ts";
import { modifyContract } from "./modify.ts";
import { networkContract } from "./network.ts";
import { storageContract } from "./storage.ts";
import type { BackendFactory, BackendUnderTest } from "./under-test.ts";

/** Starting a VM takes a moment, on a busy machine a long one. */
const TEST_TIMEOUT_MS = 60_000;

/** Runs `suite` with a fresh backend for each test; each test must leave nothing behind. */
export function withBackend<T extends BackendUnderTest>(
  title: string,
  factory: BackendFactory<T>,
  suite: (under: () => T) => void,
): void {
  describe(title, function () {
    this.timeout(TEST_TIMEOUT_MS);
    let current: T | undefined;

    before(function () {
      const obstacle = factory.obstacle();
      if (obstacle === undefined) return;
      console.log(`      skipped: ${obstacle}`);
      this.skip();
    });
    beforeEach(async function () {
      const names = this.currentTest?.titlePath() ?? [];
      current = await factory.create(names.join(" ").replace(`${factory.name}: `, ""));
    });
    suite(() => {
      if (current === undefined) throw new Error("the backend exists inside tests only");
      return current;
    });

    // Registered last: the suite's own hooks end what they made before this looks for leftovers.
    afterEach(async () => {
      await current?.dispose();
      current = undefined;
    });
  });
}

/** The whole contract. */
export function backendContract(factory: BackendFactory): void {
  withBackend(`${factory.name}: compute systems`, factory, computeSystemContract);
  withBackend(`${factory.name}: modify requests`, factory, modifyContract);
  withBackend(`${factory.name}: storage`, factory, storageContract);
  withBackend(`${factory.name}: network`, factory, networkContract);
  withBackend(`${factory.name}: Hyper-V sockets`, factory, hvSocketContract);
}
