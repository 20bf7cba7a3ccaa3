import assert from "node:assert/strict";
import { ShimError } from "../../../../../shim/errors.ts";
import { HostProcessContainers } from "../../../../../shim/pod/host-process/containers.ts";
import { WindowsHost } from "../../../../support/windows-host.ts";

async function sandbox() {
  const host = await WindowsHost.create();
  const request = { ...host.request({}), identity: { role: "sandbox", podId: "c1" } as const };
  const containers = new HostProcessContainers(host.pod);
  const context = { holdings: host.holdings, phasesOf: (verb: string) => host.phases(verb) };
  return { host, containers, request, container: await containers.createSandbox(request, context) };
}

const unsupported = (error: unknown): boolean => error instanceof ShimError && error.code === "UNSUPPORTED";

describe("SandboxWithoutProcess", () => {
  it("has nothing but a process that is made up", async () => {
    const { host, container, containers, request } = await sandbox();
    assert.equal(containers.sandboxHasProcess(request), false);
    const process = await container.createInit(
      { stdin: false, stdout: false, stderr: false },
      host.phases("start"),
    );
    assert.equal(process.processId, 1);
    assert.deepEqual(host.calls, []);
  });

  for (const way of ["signal", "terminate"] as const) {
    it(`ends with 0 by ${way}`, async () => {
      const { host, container } = await sandbox();
      const process = await container.createInit(
        { stdin: false, stdout: false, stderr: false },
        host.phases("start"),
      );
      assert.equal(await (way === "signal" ? process.signal("CtrlC") : process.terminate()), "delivered");
      assert.deepEqual(await process.exited, { exitCode: 0 });
    });
  }

  it("takes no execs and does not pause", async () => {
    const { host, container } = await sandbox();
    const signal = new AbortController().signal;
    const { process } = host.request({}).spec;
    assert.ok(process);
    const streams = { stdin: false, stdout: false, stderr: false };
    await assert.rejects(container.createExec(process, streams, host.phases("start")), unsupported);
    await assert.rejects(container.pause(signal), unsupported);
    await assert.rejects(container.resume(signal), unsupported);
  });

  it("has no VM that could be changed, and has used nothing", async () => {
    const { host, container } = await sandbox();
    await assert.rejects(
      container.update("WindowsResources", {}, {}, host.phases("update")),
      /task is not isolated/,
    );
    assert.deepEqual(await container.properties(["Statistics"], new AbortController().signal), {});
  });

  it("is a container of its own where there is no pod", async () => {
    const { containers, request } = await sandbox();
    assert.equal(containers.sandboxHasProcess({ ...request, identity: { role: "standalone" } }), true);
  });
});
