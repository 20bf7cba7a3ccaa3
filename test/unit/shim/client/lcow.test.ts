import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientError } from "../../../../shim/client/errors.ts";
import { lcowAnnotations, lcowSettings, type LcowOptions } from "../../../../shim/client/options/lcow.ts";

const BOOT = "io.microsoft.virtualmachine.bootfilesrootpath";
const PARAMETERS = "io.microsoft.virtualmachine.lcow.kernelbootoptions";

describe("lcowSettings", () => {
  it("takes the environment for what the options do not say", () => {
    const environment = {
      CHEF_LCOW_UVM_IMAGE_PATH: "/of/environment",
      CHEF_LCOW_KERNEL_FILE: "k",
      CHEF_LCOW_INITRD_FILE: "",
      CHEF_LCOW_BOOT_PARAMETERS: "quiet",
    };
    assert.deepEqual(lcowSettings({ imagePath: "/of/option" }, environment), {
      imagePath: "/of/option",
      kernelFile: "k",
      bootParameters: "quiet",
    });
  });
});

describe("lcowAnnotations", () => {
  let directory: string;
  let image: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "lcow-"));
    image = join(directory, "uvm");
    mkdirSync(image);
    for (const name of ["kernel", "initrd.img", "my-kernel"]) writeFileSync(join(image, name), name);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("names the directory and the parameters", async () => {
    const settings = { imagePath: image, kernelFile: "kernel", bootParameters: "debug" };
    assert.deepEqual(await lcowAnnotations(settings, directory), { [BOOT]: image, [PARAMETERS]: "debug" });
    assert.deepEqual(await lcowAnnotations({}, directory), {});
  });

  it("gives files of other names a directory with the standard ones", async () => {
    const annotations = await lcowAnnotations({ imagePath: image, kernelFile: "my-kernel" }, directory);
    const view = annotations[BOOT] ?? "";
    assert.notEqual(view, image);
    assert.equal(readFileSync(join(view, "kernel"), "utf8"), "my-kernel");
    assert.equal(readFileSync(join(view, "initrd.img"), "utf8"), "initrd.img");
  });

  const refused: [what: string, settings: LcowOptions, code: ClientError["code"]][] = [
    ["file names without a directory", { kernelFile: "kernel" }, "FailedPrecondition"],
    ["a directory that is not there", { imagePath: "/no/such" }, "NotFound"],
    ["a file that is not there", { imagePath: "", kernelFile: "none" }, "NotFound"],
    ["a name with a folder", { imagePath: "", kernelFile: "../kernel" }, "InvalidArgument"],
  ];
  for (const [what, settings, code] of refused) {
    it(`refuses ${what}`, async () => {
      const wanted = settings.imagePath === "" ? { ...settings, imagePath: image } : settings;
      await assert.rejects(lcowAnnotations(wanted, directory), (error: unknown) =>
        ClientError.is(error, code),
      );
    });
  }
});
