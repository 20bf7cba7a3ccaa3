import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAny } from "../../../../protos/any.ts";
import { Options as RuncOptions } from "../../../../protos/gen/runc.ts";
import { Options as RunhcsOptions } from "../../../../protos/gen/runhcs.ts";
import { Options as GenericOptions } from "../../../../protos/gen/runtime-options.ts";
import { readRuntimeOptions } from "../../../../shim/options/runtime.ts";

const toml = (text: string) => packAny(GenericOptions, { configBody: Buffer.from(text) });

describe("readRuntimeOptions", () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "options-"));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  it("are empty without a message", async () => {
    assert.equal((await readRuntimeOptions(undefined)).isEmpty, true);
  });

  for (const prefix of ["", "type.googleapis.com/"]) {
    it(`reads a runhcs message named ${prefix}containerd.runhcs.v1.Options`, async () => {
      const any = packAny(RunhcsOptions, { sandboxIsolation: 1, vmMemorySizeInMb: 2048 });
      const { runhcs, isEmpty } = await readRuntimeOptions({ ...any, typeUrl: prefix + any.typeUrl });
      assert.deepEqual([runhcs.sandboxIsolation, runhcs.vmMemorySizeInMb, isEmpty], [1, 2048, false]);
    });
  }

  it("counts a message of nothing but defaults as empty", async () => {
    assert.equal((await readRuntimeOptions(packAny(RunhcsOptions, {}))).isEmpty, true);
  });

  it("reads the TOML text that containerd 1.7 and later wrap, with Go's names", async () => {
    const { runhcs, warnings } = await readRuntimeOptions(
      toml("Debug = true\nSandboxIsolation = 1\nScrubLogs = false\n[DefaultContainerAnnotations]\na = 'b'\n"),
    );
    assert.deepEqual(
      [
        runhcs.debug,
        runhcs.sandboxIsolation,
        runhcs.scrubLogs,
        { ...runhcs.defaultContainerAnnotations },
        warnings,
      ],
      [true, 1, false, { a: "b" }, []],
    );
  });

  it("reads our own table beside them, which does not make them non-empty", async () => {
    const { own, isEmpty } = await readRuntimeOptions(
      toml('[runhcs]\nbootstrap = "v3"\n[runhcs.budgets]\ndrain = "5s"\n'),
    );
    assert.deepEqual(
      [[...own.values], isEmpty],
      [
        [
          ["bootstrap", "v3"],
          ["budgets.drain", 5000],
        ],
        true,
      ],
    );
  });

  it("reads the file that ConfigPath names: all that containerd 1.6 passes on", async () => {
    const path = join(directory, "runhcs.toml");
    writeFileSync(path, "VmProcessorCount = 4\n");
    const { runhcs } = await readRuntimeOptions(packAny(GenericOptions, { configPath: path }));
    assert.equal(runhcs.vmProcessorCount, 4);
  });

  it("says that the file ConfigPath names is missing", async () => {
    const any = packAny(GenericOptions, { configPath: join(directory, "nothing") });
    await assert.rejects(readRuntimeOptions(any), /ConfigPath names it, but it does not exist/);
  });

  it("ignores messages of other runtimes with a warning: containerd 2.x sends runc's", async () => {
    const { isEmpty, warnings } = await readRuntimeOptions(packAny(RuncOptions, { binaryName: "x" }));
    assert.deepEqual([isEmpty, warnings.length], [true, 1]);
  });

  it("warns about a name it does not know", async () => {
    const { warnings } = await readRuntimeOptions(toml("Debugg = true\n"));
    assert.deepEqual(
      warnings.map(({ option }) => option),
      ["Debugg"],
    );
  });

  it("refuses a value of the wrong type, naming the option", async () => {
    await assert.rejects(
      readRuntimeOptions(toml("Debug = 'yes'\n")),
      /invalid option "Debug" in .*: must be a boolean \(found "yes"\)/,
    );
  });

  it("refuses text that is not TOML", async () => {
    await assert.rejects(readRuntimeOptions(toml("Debug =\n")), /cannot read the runtime's options table/);
  });

  it("takes the names that logrus has for log levels, and refuses others", async () => {
    const named = (logLevel: string) => packAny(RunhcsOptions, { logLevel });
    assert.equal((await readRuntimeOptions(named("Warning"))).logLevel, "warn");
    assert.equal((await readRuntimeOptions(named(""))).logLevel, undefined);
    await assert.rejects(
      readRuntimeOptions(named("chatty")),
      /^OptionError: invalid option "LogLevel": must be one of trace, .*panic \(found "chatty"\)$/,
    );
  });
});
