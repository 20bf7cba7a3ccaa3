import assert from "node:assert/strict";
import { VpmemDevices, type VpmemInit } from "../../../../../../shim/pod/vm/devices/vpmem.ts";
import { FakeUvm } from "../../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;
const GIB = 1024 ** 3;

function devices(more: Partial<VpmemInit> = {}) {
  const uvm = new FakeUvm();
  const init = { count: 2, sizeBytes: GIB, multiMapping: false, bootsFromFirst: false, ...more };
  return { uvm, vpmem: new VpmemDevices({ uvm: uvm.view, ...init }) };
}

describe("VpmemDevices", () => {
  it("gives each layer a device, mounted by the guest under its number", async () => {
    const { uvm, vpmem } = devices({ bootsFromFirst: true });
    const layer = vpmem.reserve("a.vhd", 9000);
    await layer?.acquire(NEVER);
    assert.equal(layer?.guestPath, "/run/layers/p1");
    await layer?.release(NEVER);
    assert.deepEqual(uvm.calls, [
      'Add VirtualMachine/Devices/VirtualPMem/Devices/1 {"HostPath":"a.vhd","ReadOnly":true,"ImageFormat":"Vhd1"}',
      'guest Add VPMemDevice {"DeviceNumber":1,"MountPath":"/run/layers/p1"}',
      'guest Remove VPMemDevice {"DeviceNumber":1,"MountPath":"/run/layers/p1"}',
      "Remove VirtualMachine/Devices/VirtualPMem/Devices/1",
    ]);
  });

  it("packs layers on a device, sized in whole pages", async () => {
    const { uvm, vpmem } = devices({ multiMapping: true });
    const first = vpmem.reserve("a.vhd", 9000);
    const second = vpmem.reserve("b.vhd", 20000);
    await first?.acquire(NEVER);
    await second?.acquire(NEVER);
    assert.equal(second?.guestPath, "/run/layers/p0-1048576-20480");
    assert.deepEqual(uvm.calls, [
      'Add VirtualMachine/Devices/VirtualPMem/Devices/0/Mappings/0 {"HostPath":"a.vhd","ImageFormat":"Vhd1"}',
      'guest Add VPMemDevice {"MountPath":"/run/layers/p0-0-12288","MappingInfo":{"DeviceSizeInBytes":12288}}',
      'Add VirtualMachine/Devices/VirtualPMem/Devices/0/Mappings/1048576 {"HostPath":"b.vhd","ImageFormat":"Vhd1"}',
      'guest Add VPMemDevice {"MountPath":"/run/layers/p0-1048576-20480","MappingInfo":{"DeviceOffsetInBytes":1048576,"DeviceSizeInBytes":20480}}',
    ]);
  });

  it("has one layer for all its users", async () => {
    const { uvm, vpmem } = devices();
    const users = [vpmem.reserve("a.vhd", 1), vpmem.reserve("a.vhd", 1)];
    for (const user of users) await user?.acquire(NEVER);
    await users[0]?.release(NEVER);
    assert.equal(uvm.calls.length, 2);
    await users[1]?.release(NEVER);
    assert.equal(uvm.calls.length, 4);
  });

  it("has no place for a layer larger than a device, nor for more layers than devices", () => {
    const { vpmem } = devices();
    assert.equal(vpmem.reserve("huge.vhd", GIB + 1), undefined);
    assert.ok(vpmem.reserve("a.vhd", 1) && vpmem.reserve("b.vhd", 1));
    assert.equal(vpmem.reserve("c.vhd", 1), undefined);
    assert.ok(vpmem.reserve("a.vhd", 1), "what is there can still be shared");
    assert.equal(devices({ count: 0 }).vpmem.reserve("a.vhd", 1), undefined);
  });

  it("packs what fits 4 GiB whatever the size of devices, and 1024 layers at most on each", () => {
    const { vpmem } = devices({ multiMapping: true, count: 1 });
    assert.equal(vpmem.reserve("huge.vhd", 4 * GIB + 1), undefined);
    for (let index = 0; index < 1024; index++) assert.ok(vpmem.reserve(`${index}.vhd`, 1));
    assert.equal(vpmem.reserve("one-more.vhd", 1), undefined);
  });

  it("uses a place again that became free", async () => {
    const { vpmem } = devices({ multiMapping: true });
    const first = vpmem.reserve("a.vhd", 1);
    vpmem.reserve("b.vhd", 1);
    await first?.release(NEVER);
    assert.equal(vpmem.reserve("c.vhd", 1)?.guestPath, "/run/layers/p0-0-4096");
  });

  it("takes away what the guest could not mount", async () => {
    const { uvm, vpmem } = devices();
    uvm.fail("guest Add VPMemDevice");
    await assert.rejects(vpmem.reserve("a.vhd", 1)?.acquire(NEVER) ?? Promise.resolve());
    assert.equal(uvm.calls.at(-1), "Remove VirtualMachine/Devices/VirtualPMem/Devices/0");
    assert.equal(vpmem.reserve("b.vhd", 1)?.guestPath, "/run/layers/p0");
  });

  for (const step of ["guest Remove VPMemDevice", "Remove VirtualMachine"]) {
    it(`goes on after a failure of "${step}" where it stopped`, async () => {
      const { uvm, vpmem } = devices();
      const layer = vpmem.reserve("a.vhd", 1);
      await layer?.acquire(NEVER);
      uvm.fail(step);
      await assert.rejects(layer?.release(NEVER) ?? Promise.resolve());
      await layer?.release(NEVER);
      await layer?.release(NEVER);
      assert.equal(uvm.calls.length, 4, "each step once");
      assert.equal(vpmem.reserve("b.vhd", 1)?.guestPath, "/run/layers/p0");
    });
  }
});
