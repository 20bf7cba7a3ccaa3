import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAny } from "../../../../protos/any.ts";
import { Options as RunhcsOptions } from "../../../../protos/gen/runhcs.ts";
import { CreateTaskRequest } from "../../../../protos/gen/task-v2.ts";
import { Logger } from "../../../../shim/log/logger.ts";
import { Options } from "../../../../shim/options/own.ts";
import type { CreateRequest } from "../../../../shim/pod/request.ts";
import { prepareCreate } from "../../../../shim/service/prepare.ts";
import { FakeBackend } from "../../../support/fake-backend.ts";

const { files, traits } = new FakeBackend();
const HOST = { traits, files: { ...files, readFile: (path: string) => readFile(path) } };

describe("prepareCreate", () => {
  let bundle: string;
  let logged: string[];

  beforeEach(() => {
    bundle = mkdtempSync(join(tmpdir(), "prepare-"));
    logged = [];
  });

  afterEach(() => rmSync(bundle, { recursive: true, force: true }));

  function prepare(spec: object, options?: Partial<RunhcsOptions>): Promise<CreateRequest> {
    writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
    const logger = new Logger("info", () => 0);
    logger.attach(({ message, fields }) => logged.push(`${message}: ${String(fields["option"])}`));
    const any = options === undefined ? undefined : packAny(RunhcsOptions, options);
    return prepareCreate(
      CreateTaskRequest.create({ id: "web", bundle, options: any }),
      new Options(),
      logger,
      HOST,
    );
  }

  it("reads the spec of the bundle and who the task is", async () => {
    const { spec, identity } = await prepare({ linux: {}, hostname: "h" });
    assert.deepEqual([spec.hostname, identity], ["h", { role: "standalone" }]);
  });

  it("lets options stand in for annotations, and annotations be stronger", async () => {
    const P = "io.microsoft.virtualmachine.computetopology.";
    const { spec } = await prepare(
      { linux: {}, annotations: { [`${P}memory.sizeinmb`]: "2048" } },
      {
        sandboxIsolation: 1,
        vmMemorySizeInMb: 512,
        vmProcessorCount: 3,
        defaultContainerAnnotations: { a: "b", [`${P}processor.count`]: "9" },
      },
    );
    assert.deepEqual(spec.annotations, {
      a: "b",
      [`${P}memory.sizeinmb`]: "2048",
      [`${P}processor.count`]: "3",
    });
    assert.deepEqual(spec.document["annotations"], spec.annotations);
  });

  it("takes options of ours from the pod's annotations", async () => {
    const { options } = await prepare({
      linux: {},
      annotations: { "io.containerd.runhcs.budgets.drain": "9s" },
    });
    assert.equal(options.budgetMs("drain"), 9000);
  });

  it("logs options it does not follow", async () => {
    await prepare({ linux: {}, annotations: { "io.containerd.runhcs.nonsense": "1" } });
    assert.deepEqual(logged, ["option was not followed: nonsense"]);
  });

  it("refuses a Linux container under a handler configured for process isolation", async () => {
    await assert.rejects(
      prepare({ linux: {} }, { debug: true }),
      /invalid runtime option SandboxIsolation: must be 1/,
    );
  });

  for (const [platform, message] of [
    ["windows/amd64", /must be of linux/],
    ["plan9", /must be a platform of Windows or Linux/],
  ] as const) {
    it(`refuses the platform ${platform} for a Linux container`, async () => {
      await assert.rejects(
        prepare({ linux: {} }, { sandboxIsolation: 1, sandboxPlatform: platform }),
        message,
      );
    });
  }

  it("decides what isolates the task", async () => {
    const { isolation, spec } = await prepare({ windows: {} }, { sandboxIsolation: 1 });
    assert.equal(isolation, "windows-vm");
    assert.deepEqual(spec.document["windows"], { hyperv: {} });
  });

  it("refuses annotations that contradict each other, and logs which", async () => {
    const annotations = {
      "io.microsoft.disable-unsafe-operations": "true",
      "microsoft.com/hostprocess-container": "true",
    };
    await assert.rejects(prepare({ windows: {}, annotations }), /cannot be set together/);
    assert.deepEqual(logged, ["input was not followed: undefined"]);
  });

  it("names the file when there is no spec", async () => {
    const request = CreateTaskRequest.create({ id: "web", bundle });
    await assert.rejects(
      prepareCreate(request, new Options(), new Logger("info", () => 0), HOST),
      /config\.json: cannot be read: ENOENT/,
    );
  });
});
