/** What is made of a compute service that refuses, fails, does not answer, or goes away. */
import assert from "node:assert/strict";
import type { ComputeSystem, HcsProcess } from "../../../hcs/api.ts";
import type { HcsError } from "../../../hcs/errors.ts";
import { HRESULTS } from "../../../hcs/hresult-table.ts";
import { isConnectionLost, isHcs, splitHresult } from "../../../hcs/hresult.ts";
import { Win32ComputeSystems } from "../../../hcs/win32/compute/compute-systems.ts";
import { callsInFlight } from "../../../hcs/win32/ffi/lane.ts";
import { hcsError } from "../../contract/under-test.ts";
import { until } from "../../support/until.ts";
import { assertClean } from "./cleanliness.ts";
import { ask, PLATFORM } from "./rig.ts";

const DOCUMENT = { Owner: "test", SchemaVersion: { Major: 2, Minor: 1 } } as const;
const E_ACCESSDENIED = 0x8007_0005;
const E_INVALIDARG = 0x8007_0057;
const FAILURES = [...HRESULTS.keys()].filter(
  (hresult) => splitHresult(hresult).failed && !isHcs(hresult, 0x0103),
);

/** Each call of the port with the native function it makes, by DLL. */
const CALLS: readonly {
  readonly functions: { readonly computecore: string; readonly vmcompute: string };
  readonly make: (system: ComputeSystem) => Promise<unknown>;
}[] = [
  { functions: both("HcsStartComputeSystem"), make: (system) => system.start() },
  {
    functions: { computecore: "HcsShutDownComputeSystem", vmcompute: "HcsShutdownComputeSystem" },
    make: (system) => system.shutdown(),
  },
  { functions: both("HcsTerminateComputeSystem"), make: (system) => system.terminate() },
  { functions: both("HcsPauseComputeSystem"), make: (system) => system.pause() },
  { functions: both("HcsResumeComputeSystem"), make: (system) => system.resume() },
  { functions: both("HcsGetComputeSystemProperties"), make: (system) => system.properties({}) },
  {
    functions: both("HcsModifyComputeSystem"),
    make: (system) => system.modify({ ResourcePath: "Container/Memory/SizeInMB" }),
  },
  { functions: both("HcsCreateProcess"), make: (system) => system.createProcess({ CommandLine: "a.exe" }) },
  { functions: both("HcsOpenProcess"), make: (system) => system.openProcess(4) },
];

/** The same of processes. */
const PROCESS_CALLS: readonly {
  readonly name: string;
  readonly function: string;
  readonly make: (process: HcsProcess) => Promise<unknown>;
}[] = [
  { name: "signal process", function: "HcsSignalProcess", make: (process) => process.signal("CtrlC") },
  { name: "terminate process", function: "HcsTerminateProcess", make: (process) => process.terminate() },
  {
    name: "resize console of process",
    function: "HcsModifyProcess",
    make: (process) => process.resize({ height: 25, width: 80 }),
  },
  { name: "close stdin of process", function: "HcsModifyProcess", make: (process) => process.closeStdin() },
];

const CREDENTIALS = {
  PropertyType: "ContainerCredentialGuard",
  Settings: { Operation: "RemoveInstance", OperationDetails: { Id: "web" } },
} as const;

/** And of the service. */
const SERVICE_CALLS: readonly {
  readonly name: string;
  readonly function: string;
  readonly make: (systems: Win32ComputeSystems) => Promise<unknown>;
}[] = [
  {
    name: "enumerate compute systems",
    function: "HcsEnumerateComputeSystems",
    make: (systems) => systems.enumerate(),
  },
  {
    name: "query service properties",
    function: "HcsGetServiceProperties",
    make: (systems) => systems.serviceProperties({ PropertyTypes: ["ProcessorTopology"] }),
  },
  {
    name: "modify service settings",
    function: "HcsModifyServiceSettings",
    make: (systems) => systems.modifyService(CREDENTIALS),
  },
  {
    name: "create compute system",
    function: "HcsCreateComputeSystem",
    make: (systems) => systems.create("web", DOCUMENT),
  },
];

const REFUSAL = JSON.stringify({
  Error: E_ACCESSDENIED | 0,
  ErrorMessage: "not you",
  ErrorEvents: [{ Message: "the policy forbids it", Provider: "p", EventId: 7, Source: "s" }],
});

function both(name: string): { computecore: string; vmcompute: string } {
  return { computecore: name, vmcompute: name };
}

const withCode = (hresult: number) => (error: unknown) => (error as HcsError).hresult === hresult;

for (const library of ["computecore", "vmcompute"] as const) {
  describe(`${library}: a service in trouble`, () => {
    const systems = new Win32ComputeSystems(library);

    beforeEach(() => ask("useScripted", { platform: PLATFORM, files: [] }));
    afterEach(async () => {
      await ask("clearFaults");
      await assertClean();
    });

    it("makes an error of every HRESULT there is a name for", async () => {
      assert.ok(FAILURES.length > 40, `${FAILURES.length} codes`);
      for (const hresult of FAILURES) {
        await ask("addFault", { function: "HcsOpenComputeSystem", action: "refuse", hresult, times: 1 });
        await assert.rejects(systems.open("web"), (error: HcsError) => {
          assert.equal(error.hresult, hresult);
          assert.ok(error.symbol !== undefined && error.message.includes(error.symbol), error.message);
          return true;
        });
      }
    });

    for (const { functions, make } of CALLS) {
      const name = functions[library];

      it(`tells what the service says when it refuses ${name}`, async () => {
        const system = await systems.create("web", DOCUMENT);
        const refusal = { action: "refuse", hresult: E_ACCESSDENIED, document: REFUSAL } as const;
        await ask("addFault", { function: name, ...refusal });
        const described = ["HcsOpenProcess"].includes(name) && library === "computecore";
        await assert.rejects(
          make(system),
          described
            ? hcsError(withCode(E_ACCESSDENIED), "web")
            : hcsError(withCode(E_ACCESSDENIED), "web", "not you", "the policy forbids it"),
        );
        await system.close();
      });
    }

    for (const { name, function: called, make } of PROCESS_CALLS) {
      it(`tells what the service says when it refuses to ${name}`, async () => {
        const system = await systems.create("web", DOCUMENT);
        const process = await system.createProcess({ CommandLine: "a.exe" });
        const refusal = { action: "refuse", hresult: E_INVALIDARG, document: REFUSAL } as const;
        await ask("addFault", { function: called, ...refusal });
        await assert.rejects(
          make(process),
          hcsError(withCode(E_INVALIDARG), `${name} "${process.processId} of web"`, "not you"),
        );
        await process.close();
        await system.close();
      });
    }

    it("takes a process that may not be touched any more for one that has gone", async () => {
      const system = await systems.create("web", DOCUMENT);
      const process = await system.createProcess({ CommandLine: "a.exe" });
      const refusal = { action: "refuse", hresult: E_ACCESSDENIED } as const;
      await ask("addFault", { function: "HcsSignalProcess", ...refusal });
      await ask("addFault", { function: "HcsTerminateProcess", ...refusal });
      assert.equal(await process.signal("CtrlC"), "gone");
      assert.equal(await process.terminate(), "gone");
      await process.close();
      await system.close();
    });

    for (const { name, function: called, make } of SERVICE_CALLS) {
      it(`tells what the service says when it refuses to ${name}`, async () => {
        const refusal = { action: "refuse", hresult: E_ACCESSDENIED, document: REFUSAL } as const;
        await ask("addFault", { function: called, ...refusal });
        await assert.rejects(make(systems), hcsError(withCode(E_ACCESSDENIED), name, "not you"));
      });
    }

    it("tells what an operation failed with after it was accepted", async () => {
      const system = await systems.create("web", DOCUMENT);
      await ask("addFault", {
        function: "HcsStartComputeSystem",
        action: "fail",
        hresult: 0x8037_0101,
        document: '{"ErrorMessage":"build 17763 wanted"}',
      });
      await assert.rejects(
        system.start(),
        hcsError(
          (error) => isHcs((error as HcsError).hresult, 0x0101),
          'start compute system "web"',
          "build 17763 wanted",
        ),
      );
      await system.close();
    });

    it("leaves nothing of a creation that failed", async () => {
      await ask("addFault", { function: "HcsCreateComputeSystem", action: "fail", hresult: 0x8037_0112 });
      await assert.rejects(
        systems.create("web", DOCUMENT),
        hcsError((error) => isHcs((error as HcsError).hresult, 0x0112), 'create compute system "web"'),
      );
    });

    it("ends a system that was made after its caller had given up", async () => {
      await ask("addFault", { function: "HcsCreateComputeSystem", action: "withhold" });
      const giveUp = new AbortController();
      const created = systems.create("late", DOCUMENT, { signal: giveUp.signal });
      await until("the service to be asked", async () =>
        (await ask("trace")).some(({ call }) => call === "HcsCreateComputeSystem"),
      );
      const reason = new Error("no patience");
      giveUp.abort(reason);
      await assert.rejects(created, reason);
      await ask("clearFaults");
      await until("the system to be ended", async () =>
        (await ask("trace")).some(({ call }) => call === "HcsCloseComputeSystem"),
      );
    });

    it("gives up a call that hangs when its budget has run out, and serves others meanwhile", async () => {
      const system = await systems.create("web", DOCUMENT);
      await ask("addFault", { function: "HcsGetComputeSystemProperties", action: "hang", times: 1 });
      const hanging = system.properties({}, { signal: AbortSignal.timeout(200) });
      await assert.rejects(hanging, { name: "TimeoutError" });
      const [stuck] = callsInFlight();
      assert.equal(stuck?.name, `${library}.dll!HcsGetComputeSystemProperties`);
      assert.equal((await system.properties({})).State, "Running");
      await ask("clearFaults");
      await system.close();
      await until("every call to return", () => callsInFlight().length === 0);
    });

    it("never enters a call that was given up while others hang", async () => {
      const system = await systems.create("web", DOCUMENT);
      await ask("addFault", { function: "HcsGetComputeSystemProperties", action: "hang", times: 2 });
      const hanging = [system.properties({}), system.properties({})];
      await until("both threads to be taken", () => callsInFlight().length === 2);
      await assert.rejects(system.start({ signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
      await ask("clearFaults");
      await Promise.all(hanging);
      await system.close();
      assert.ok((await ask("trace")).every(({ call }) => call !== "HcsStartComputeSystem"));
    });

    it("tells of an exit that comes late, and of one that was not asked for", async () => {
      const system = await systems.create("web", DOCUMENT);
      await ask("addFault", { function: "system exited", action: "withhold" });
      await ask("crashSystem", "web");
      await ask("clearFaults");
      assert.deepEqual(await system.exited, { status: 0, exitType: "UnexpectedExit" });
      await system.close();
    });

    it("tells everybody who waits that the service has gone", async () => {
      const system = await systems.create("web", DOCUMENT);
      const process = await system.createProcess({ CommandLine: "a.exe" });
      await ask("addFault", { function: "HcsStartComputeSystem", action: "withhold" });
      const starting = system.start();
      await until("the call to be submitted", () => callsInFlight().length === 0);
      const gone = hcsError(isConnectionLost, "the connection to the Host Compute Service was lost");
      await Promise.all([
        assert.rejects(starting, gone),
        assert.rejects(process.exited, gone),
        ask("disconnectService"),
      ]);
      assert.equal((await system.exited).exitType, "ServiceDisconnected");
      await ask("clearFaults");
      await process.close();
      await system.close();
    });

    it("refuses texts that would end early", async () => {
      await assert.rejects(systems.open("a\0b"), /cannot pass argument id of HcsOpenComputeSystem.*index 1/);
    });

    it("hands lone surrogates to the service as they are, which takes them for no text", async () => {
      await assert.rejects(systems.open("\ud800"));
      assert.deepEqual(await ask("takeViolations"), ["HcsOpenComputeSystem: argument id is not UTF-16"]);
    });
  });
}
