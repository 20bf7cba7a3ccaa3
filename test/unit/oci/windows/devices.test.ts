import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { deviceExtensionFiles, hostDevices, parseDeviceExtension } from "../../../../oci/windows/devices.ts";

describe("hostDevices", () => {
  it("assigns classes and places", () => {
    assert.deepEqual(
      hostDevices([
        { idType: "class", id: "A" },
        { idType: "vpci-class-guid", id: "B" },
        { idType: "vpci-location-path", id: "PCIROOT(0)" },
      ]),
      [
        { InterfaceClassGuid: "A" },
        { InterfaceClassGuid: "B" },
        { Type: "DeviceInstance", LocationPath: "PCIROOT(0)" },
      ],
    );
  });

  for (const idType of ["vpci", "vpci-instance-id", "gpu", "", "toString"]) {
    it(`refuses ${JSON.stringify(idType)}`, () => {
      assert.throws(() => hostDevices([{ idType, id: "x" }]), /\/windows\/devices\/0\/idType/);
    });
  }
});

describe("deviceExtensionFiles", () => {
  const files = (value: string, build: number) =>
    deviceExtensionFiles(
      new AnnotationReader({ "io.microsoft.container.wcow.deviceextensions": value }),
      build,
    );

  it("splits at commas", () => assert.deepEqual(files("C:\\a,C:\\b", 20348), ["C:\\a", "C:\\b"]));
  it("needs build 20348", () => assert.throws(() => files("C:\\a", 19042), /need build 20348/));
  it("needs nothing for nothing", () => assert.deepEqual(files("", 17763), []));
});

describe("parseDeviceExtension", () => {
  it("keeps what it knows, and leaves zero members out", () => {
    const text = JSON.stringify({
      device_category: {
        name: "gpu",
        interface_class: [{ type: "DeviceInstance", identifier: "X", recurse: false }],
      },
      NAMESPACE: { ob: { shadow: "false", symlink: [] }, device: { requires_driverstore: true } },
      bogus: 1,
    });
    assert.deepEqual(parseDeviceExtension(text, "f"), {
      device_category: { name: "gpu", interface_class: [{ type: "DeviceInstance", identifier: "X" }] },
      namespace: { ob: { shadow: "false" }, device: { requires_driverstore: true } },
    });
  });

  it("takes an empty object", () => assert.deepEqual(parseDeviceExtension("{}", "f"), {}));

  for (const text of [
    "",
    "[]",
    '{"device_category":[]}',
    '{"namespace":{"device":{"requires_driverstore":1}}}',
  ]) {
    it(`refuses ${JSON.stringify(text)}, naming the file`, () => {
      assert.throws(() => parseDeviceExtension(text, "C:\\gpu.json"), /device extension C:\\gpu\.json/);
    });
  }
});
