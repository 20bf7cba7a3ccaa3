/** The FFI package's native module lies beside the executables. One that is missing, or another one, is not worked with. */
import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Recorder } from "../../hcs/scripted/recorder.ts";
import { ScriptedBackend } from "../../hcs/scripted/backend.ts";
import { Containerd, SHIM } from "./support/containerd.ts";
import { PACKAGE, WindowsMachine } from "./support/machine.ts";

const MODULE = "koffi.node";

describe("the native module beside the packed executables", function () {
  this.timeout(300_000);
  let machine: WindowsMachine;
  let containerd: Containerd;

  before(async () => {
    const platform = { windowsBuild: 20348, hostProcessors: 8, vmRuntimeId: "v" };
    machine = await WindowsMachine.boot(new ScriptedBackend(platform, [], new Recorder()));
    containerd = await Containerd.serve(machine, () => undefined);
    containerd.makeBundle("c1", JSON.stringify({ ociVersion: "1.0.2", windows: { layerFolders: [] } }));
  });
  after(async () => {
    await containerd[Symbol.asyncDispose]();
    await machine[Symbol.asyncDispose]();
  });

  /** An installation whose native module is whatever `make` makes. */
  function installation(make: (path: string) => void): string {
    const folder = machine.locate("C:\\installation");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    linkSync(join(PACKAGE, `${SHIM}.exe`), join(folder, `${SHIM}.exe`));
    make(join(folder, MODULE));
    return folder;
  }

  const start = (folder: string): Promise<string> => containerd.start("c1", { installation: folder });

  it("is missed by name, with what to do", async () => {
    await assert.rejects(
      start(installation(() => undefined)),
      /cannot load .*koffi\.node: ENOENT; it belongs beside .*: install both from one package/,
    );
  });

  it("is refused when it is not the one that the executable was built with", async () => {
    const changed = installation((path) => {
      copyFileSync(join(PACKAGE, MODULE), path);
      appendFileSync(path, "\0");
    });
    await assert.rejects(
      start(changed),
      /cannot load .*koffi\.node: its SHA-256 is [0-9a-f]{64}, .* was built with [0-9a-f]{64}: install both from one package/,
    );
  });

  it("is not needed to tell the version", async () => {
    const { exitCode } = await machine.run(SHIM, ["-v"], { installation: installation(() => undefined) });
    assert.equal(exitCode, 0);
  });
});
