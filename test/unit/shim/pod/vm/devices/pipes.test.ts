import assert from "node:assert/strict";
import { allowService } from "../../../../../../shim/pod/vm/devices/hv-socket.ts";
import { MappedPipes } from "../../../../../../shim/pod/vm/devices/pipes.ts";
import { FakeUvm } from "../../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;
const PIPE = "\\\\.\\pipe\\docker";
const PATH = `VirtualMachine/Devices/MappedPipes/${PIPE}`;

describe("MappedPipes", () => {
  it("maps a pipe once, under its path as it is, and removes it with its last user", async () => {
    const uvm = new FakeUvm();
    const pipes = new MappedPipes(uvm.view);
    const [first, second] = [pipes.reserve(PIPE), pipes.reserve(PIPE)];
    await first.acquire(NEVER);
    await second.acquire(NEVER);
    await first.release(NEVER);
    assert.deepEqual(uvm.calls, [`Add ${PATH}`]);
    await second.release(NEVER);
    await second.release(NEVER);
    assert.deepEqual(uvm.calls, [`Add ${PATH}`, `Remove ${PATH}`]);
  });

  it("can be mapped again after the host refused", async () => {
    const uvm = new FakeUvm();
    const pipes = new MappedPipes(uvm.view);
    uvm.fail("Add");
    await assert.rejects(pipes.reserve(PIPE).acquire(NEVER), /failed/);
    await pipes.reserve(PIPE).acquire(NEVER);
    assert.deepEqual(uvm.calls, [`Add ${PATH}`]);
  });
});

describe("allowService", () => {
  it("replaces the entry of the service in the VM's table", async () => {
    const uvm = new FakeUvm();
    const config = { BindSecurityDescriptor: "D:P", AllowWildcardBinds: true };
    await allowService(uvm.view, "cc900000-0000-4000-8000-000000000001", config, NEVER);
    const path = "VirtualMachine/Devices/HvSocket/HvSocketConfig/ServiceTable/";
    assert.deepEqual(uvm.calls, [
      `Update ${path}cc900000-0000-4000-8000-000000000001 ${JSON.stringify(config)}`,
    ]);
  });
});
