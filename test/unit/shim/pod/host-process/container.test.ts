import assert from "node:assert/strict";
import { JobContainer } from "../../../../../shim/pod/host-process/container.ts";
import {
  leftBehind,
  VOLUME,
  WindowsHost,
  type WindowsHostOptions,
} from "../../../../support/windows-host.ts";

const NO_STREAMS = { stdin: false, stdout: false, stderr: false };
const INHERIT = { annotations: { "microsoft.com/hostprocess-inherit-user": "true" } };
const FULL = {
  ...INHERIT,
  mounts: [{ source: "C:\\h", destination: "C:\\in" }],
  windows: { resources: { cpu: { count: 2 }, memory: { limit: 2 ** 20 }, storage: { iops: 5 } } },
};
const LINKED: WindowsHostOptions = { platform: { fileBindingSupported: false } };

async function create(host: WindowsHost, spec: object = INHERIT): Promise<JobContainer> {
  const { pod, holdings, backend } = host;
  const { layers, jobs } = backend;
  return JobContainer.create(
    { request: host.request(spec), pod, layers, jobs, holdings },
    host.phases("create"),
  );
}

async function created(options: WindowsHostOptions = {}, spec: object = INHERIT) {
  const host = await WindowsHost.create(options);
  return { host, container: await create(host, spec) };
}

describe("JobContainer", () => {
  it("knows that its job was refused memory", async () => {
    const { host, container } = await created();
    assert.equal(container.wasRefusedMemory(), false);
    host.backend.jobs.refuseMemory();
    assert.equal(container.wasRefusedMemory(), true);
  });

  it("gives its job files of its own where the host can", async () => {
    const { host } = await created();
    assert.deepEqual(host.calls, [
      "JobObject.Create",
      "JobObject.SetExtendedLimit",
      "JobObject.PromoteToSilo",
      "ActivateLayer",
      "PrepareLayer",
      "GetLayerMountPath",
      "JobObject.ApplyFileBinding",
      "SetVolumeMountPoint",
      "DeleteVolumeMountPoint",
    ]);
  });

  it("mounts its volume in a directory of its own where the host cannot", async () => {
    const { host, container } = await created(LINKED, FULL);
    const [mountPoint] = host.recorder.entries.filter(({ call }) => call === "SetVolumeMountPoint");
    assert.deepEqual(mountPoint, {
      call: "SetVolumeMountPoint",
      dir: "C:\\hpc\\c1\\",
      volume: `${VOLUME}\\`,
    });
    assert.ok(!host.calls.includes("JobObject.PromoteToSilo"));
    const [link] = host.recorder.entries.filter(({ call }) => call === "Symlink");
    assert.deepEqual(link, { call: "Symlink", link: "C:\\hpc\\c1\\in", target: "C:\\h" });
    await container.teardown(host.phases("exit"));
    assert.deepEqual(leftBehind(host.calls), []);
  });

  describe("leaves nothing behind when it cannot be made because of", () => {
    for (const call of [
      "JobObject.Create",
      "JobObject.SetExtendedLimit",
      "JobObject.PromoteToSilo",
      "ActivateLayer",
      "PrepareLayer",
      "GetLayerMountPath",
      "JobObject.ApplyFileBinding",
      "SetVolumeMountPoint",
      "JobObject.SetCpuRateControl",
      "JobObject.SetIoRateControl",
    ]) {
      it(call, async () => {
        const host = await WindowsHost.create({ failures: [{ call, hresult: 0x8007_001f, nth: 1 }] });
        await assert.rejects(create(host, FULL), { hresult: 0x8007_001f });
        await host.holdings.end(new AbortController().signal);
        assert.deepEqual(leftBehind(host.calls, call), []);
        assert.equal(host.held.size, 0);
      });
    }

    it("a link, where mounts are links", async () => {
      const failures = [{ call: "Symlink", hresult: 0x8007_001f }];
      const host = await WindowsHost.create({ ...LINKED, failures });
      await assert.rejects(create(host, FULL), { hresult: 0x8007_001f });
      await host.holdings.end(new AbortController().signal);
      assert.deepEqual(leftBehind(host.calls), []);
    });
  });

  it("does without links below the root where mounts are bound", async () => {
    const { host } = await created({ failures: [{ call: "Symlink", hresult: 0x8007_001f }] }, FULL);
    assert.deepEqual(host.reports, ["mount C:\\in is not below the root directory"]);
  });

  it("runs every process with the token of the first", async () => {
    const { host, container } = await created();
    await container.createInit(NO_STREAMS, host.phases("start"));
    const { process } = host.request({ process: { args: ["b.exe"], user: { username: "else" } } }).spec;
    assert.ok(process);
    await container.createExec(process, NO_STREAMS, host.phases("start"));
    assert.equal(host.calls.filter((call) => call === "OpenProcessToken").length, 1);
    assert.equal(host.calls.filter((call) => call === "LogonUser").length, 0);
  });

  it("makes an account in the group its user names, and removes it last", async () => {
    const platform = { localGroups: ["u"] };
    const { host, container } = await created({ platform }, {});
    const process = await container.createInit(NO_STREAMS, host.phases("start"));
    await process.terminate();
    await container.teardown(host.phases("exit"));
    assert.deepEqual(host.calls.slice(-4), [
      "UnprepareLayer",
      "DeactivateLayer",
      "JobObject.Close",
      "NetUserDel",
    ]);
    assert.equal(host.held.size, 0);
  });

  it("closes the job at once when its first process cannot be started", async () => {
    const { host, container } = await created({}, { process: { args: ["a.exe"] } });
    await assert.rejects(
      container.createInit(NO_STREAMS, host.phases("start")),
      /empty username or group name passed/,
    );
    assert.deepEqual(host.calls.slice(-2), ["JobObject.Terminate", "JobObject.Close"]);
    await container.teardown(host.phases("exit"));
    assert.deepEqual(leftBehind(host.calls), []);
  });

  it("asks what is left in the job to end", async () => {
    const { host, container } = await created();
    const init = await container.createInit(NO_STREAMS, host.phases("start"));
    const { process } = host.request({}).spec;
    assert.ok(process);
    const child = await container.createExec(process, NO_STREAMS, host.phases("start"));
    await init.terminate();
    await container.teardown(host.phases("exit"));
    assert.deepEqual(await child.exited, { exitCode: 1 });
    assert.ok(!host.calls.includes("JobObject.Terminate"));
  });

  it("cannot be changed", async () => {
    const { container } = await created();
    await assert.rejects(container.update(), /modify not supported for job containers/);
  });

  it("says what its job has used", async () => {
    const { host, container } = await created();
    const { processId } = await container.createInit(NO_STREAMS, host.phases("start"));
    const signal = new AbortController().signal;
    const { ProcessList } = await container.properties(["ProcessList"], signal);
    assert.deepEqual(
      ProcessList?.map((entry) => [entry.ProcessId, entry.ImageName, entry.MemoryWorkingSetPrivateBytes]),
      [[processId, "fake.exe", 2048]],
    );
    const { Statistics } = await container.properties(["Statistics"], signal);
    assert.ok(Statistics?.ContainerStartTime !== undefined);
    assert.equal(Statistics.Memory?.MemoryUsagePrivateWorkingSetBytes, 2048);
  });
});
