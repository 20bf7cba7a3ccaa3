import assert from "node:assert/strict";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { driverDisks, installCommand } from "../../../oci/linux-drivers.ts";

describe("driverDisks", () => {
  it("are those of the annotation, in order", () => {
    const key = "io.microsoft.virtualmachine.kerneldrivers";
    assert.deepEqual(driverDisks(new AnnotationReader({ [key]: "C:\\b.vhd,C:\\a.vhd" })), [
      "C:\\b.vhd",
      "C:\\a.vhd",
    ]);
    assert.deepEqual(driverDisks(new AnnotationReader({})), []);
  });
});

describe("installCommand", () => {
  it("gives each disk of the host a directory of its own", () => {
    const [program, directory, mount] = installCommand("C:\\a.vhd", "/run/mounts/scsi/m0");
    assert.equal(program, "/bin/install-drivers");
    assert.match(
      directory ?? "",
      /^\/run\/drivers\/[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.equal(mount, "/run/mounts/scsi/m0");
    assert.notEqual(directory, installCommand("C:\\b.vhd", "/run/mounts/scsi/m0")[1]);
  });
});
