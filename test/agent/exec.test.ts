/** Work in a container of an emulated VM, over one stream. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { AgentFixture, HOST_PROGRAMS } from "../support/agent-fixture.ts";
import type { IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";

describe("an agent in an emulated VM", function () {
  this.timeout(60_000);
  let fixture: AgentFixture;
  let container: IsolatedContainer;

  before(async function () {
    if (emulatorObstacle() !== undefined) this.skip();
    fixture = await AgentFixture.create();
    container = await fixture.startAndOpen("builder", { mounts: HOST_PROGRAMS });
  });
  after(() => fixture?.close());

  it("runs a program, with its output and exit code", async () => {
    const said = { stdout: "", stderr: "" };
    const result = await container.exec({
      argv: ["sh", "-c", "echo out; echo err >&2; exit 7"],
      onOutput: (stream, bytes) => void (said[stream] += Buffer.from(bytes).toString()),
    });
    assert.equal(result.exitCode, 7);
    assert.deepEqual(said, { stdout: "out\n", stderr: "err\n" });
  });

  it("compiles what is sent, and sends back what is made", async () => {
    const source = fixture.makeDirectory("in", {
      "main.c": '#include "inc/x.h"\nint main(void) { return X; }\n',
      "inc/x.h": "#define X 3\n",
    });
    const output = join(fixture.directory, "out");
    const result = await container.exec({
      argv: ["gcc", "-g", "-c", "main.c", "-o", "/out/obj/main.o", "-ffile-prefix-map=/src=."],
      source,
      output,
    });
    assert.equal(result.exitCode, 0);
    assert.equal(readFileSync(join(output, "obj/main.o")).subarray(1, 4).toString(), "ELF");
  });
});
