import assert from "node:assert/strict";
import { SpecError, type SpecWarning } from "../../../oci/errors.ts";
import { readSpec } from "../../../oci/spec.ts";
import { assignableDevices, deviceKey, podDevices, virtualPciDevice } from "../../../oci/vpci.ts";

const device = (id: string, idType = "vpci") => ({ at: "/windows/devices/0", id, idType });

describe("virtualPciDevice", () => {
  for (const [id, path, virtualFunction] of [
    ["PCI\\VEN_10DE\\0", "PCI\\VEN_10DE", undefined],
    ["PCI\\VEN_10DE\\2", "PCI\\VEN_10DE", 2],
    ["PCI/VEN_10DE/3", "PCI/VEN_10DE", 3],
    ["PCI\\VEN_10DE\\65536", "PCI\\VEN_10DE\\65536", undefined],
    ["PCI\\VEN_10DE", "PCI\\VEN_10DE", undefined],
  ] as const) {
    it(`reads ${id} as function ${virtualFunction ?? 0} of ${path}`, () => {
      const expected = {
        DeviceInstancePath: path,
        ...(virtualFunction === undefined ? {} : { VirtualFunction: virtualFunction }),
      };
      assert.deepEqual(virtualPciDevice(device(id), 20348), { Functions: [expected] });
    });
  }

  it("passes on NUMA affinity from build 26100 on", () => {
    assert.equal(virtualPciDevice(device("PCI\\X"), 26099).PropagateNumaAffinity, undefined);
    assert.equal(virtualPciDevice(device("PCI\\X"), 26100).PropagateNumaAffinity, true);
  });
});

describe("deviceKey", () => {
  it("is the same for a device with and without the number of its first function", () => {
    assert.equal(deviceKey(device("PCI\\X\\0")), deviceKey(device("PCI\\X")));
    assert.notEqual(deviceKey(device("PCI\\X\\1")), deviceKey(device("PCI\\X")));
  });
});

describe("podDevices", () => {
  it("leaves out what cannot be given to a VM, with a warning", () => {
    const warnings: SpecWarning[] = [];
    const spec = readSpec({
      windows: {
        devices: [
          { id: "PCI\\A", idType: "class" },
          { id: "PCI\\B", idType: "gpu" },
        ],
      },
    });
    assert.deepEqual(
      podDevices(spec, warnings).map(({ id }) => id),
      ["PCI\\B"],
    );
    assert.deepEqual(
      warnings.map(({ kind, at, value }) => [kind, at, value]),
      [["pod-device-type-skipped", "/windows/devices/0/idType", "class"]],
    );
  });
});

describe("assignableDevices", () => {
  const spec = (idType: string) => readSpec({ windows: { devices: [{ id: "PCI\\X", idType }] } });

  for (const idType of ["gpu", "vpci", "vpci-instance-id"]) {
    it(`are those of type ${idType}`, () => {
      assert.deepEqual(assignableDevices(spec(idType)), [device("PCI\\X", idType)]);
    });
  }

  it("refuse a class of devices, which a pod may name in vain", () => {
    assert.throws(() => assignableDevices(spec("class")), SpecError);
  });

  it("are none without a section for Windows", () => {
    assert.deepEqual(assignableDevices(readSpec({})), []);
  });
});
