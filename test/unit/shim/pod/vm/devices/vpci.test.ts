import assert from "node:assert/strict";
import { PciDevices } from "../../../../../../shim/pod/vm/devices/vpci.ts";
import { FakeUvm } from "../../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;
const device = (id: string) => ({ at: "/windows/devices/0", id, idType: "vpci" });

function devices(bootDevices: { vmBusId: string; device: ReturnType<typeof device> }[] = []) {
  const uvm = new FakeUvm();
  return { uvm, pci: new PciDevices({ uvm: uvm.view, build: 20348, bootDevices }) };
}

describe("PciDevices", () => {
  it("gives a device to the VM and has its guest wait for it; the host alone takes it back", async () => {
    const { uvm, pci } = devices();
    const reserved = pci.reserve(device("PCI\\X\\2"));
    await reserved.acquire(NEVER);
    await reserved.release(NEVER);
    assert.deepEqual(uvm.calls, [
      `Add VirtualMachine/Devices/VirtualPci/${reserved.vmBusId} {"Functions":[{"DeviceInstancePath":"PCI\\\\X","VirtualFunction":2}]}`,
      `guest Add VPCIDevice {"VMBusGUID":"${reserved.vmBusId}"}`,
      `Remove VirtualMachine/Devices/VirtualPci/${reserved.vmBusId}`,
    ]);
  });

  it("gives a device once to all its users", async () => {
    const { uvm, pci } = devices();
    const [first, second] = [pci.reserve(device("PCI\\X\\0")), pci.reserve(device("PCI\\X"))];
    await first.acquire(NEVER);
    await second.acquire(NEVER);
    assert.equal(first.vmBusId, second.vmBusId);
    assert.equal(uvm.calls.length, 2);
  });

  it("never takes back what the VM has from its start", async () => {
    const { uvm, pci } = devices([{ vmBusId: "boot", device: device("PCI\\X\\0") }]);
    for (let times = 0; times < 2; times++) {
      const reserved = pci.reserve(device("PCI\\X\\0"));
      assert.equal(reserved.vmBusId, "boot");
      await reserved.acquire(NEVER);
      await reserved.release(NEVER);
    }
    assert.deepEqual(uvm.calls, []);
  });

  it("takes back a device that did not appear in the guest", async () => {
    const { uvm, pci } = devices();
    uvm.fail("guest Add VPCIDevice");
    const reserved = pci.reserve(device("PCI\\X"));
    await assert.rejects(reserved.acquire(NEVER));
    assert.equal(uvm.calls.at(-1), `Remove VirtualMachine/Devices/VirtualPci/${reserved.vmBusId}`);
    assert.notEqual(pci.reserve(device("PCI\\X")).vmBusId, reserved.vmBusId);
  });
});
