/** Copies of much: as quick tests of little, and by name of a lot. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { AgentFixture, saidBy } from "./agent-fixture.ts";

const MIB = 1 << 20;

export interface Bulk {
  /** Of one file. */
  readonly mib: number;
  /** Small ones. */
  readonly files: number;
  readonly timeoutMs: number;
}

export function describeBulk({ mib, files, timeoutMs }: Bulk): void {
  describe("copies of much, by an agent", function () {
    this.timeout(timeoutMs);
    let fixture: AgentFixture;
    let container: IsolatedContainer;

    before(async function () {
      if (emulatorObstacle() !== undefined) this.skip();
      fixture = await AgentFixture.create();
      container = await fixture.startAndOpen("bulk");
    });
    after(() => fixture?.close());

    /** Most memory that it has ever had, MiB. */
    async function peakOfAgent(): Promise<number> {
      const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(await saidBy(container, "cat", "/proc/1/status")) ?? [];
      return Number(kib) / 1024;
    }

    it(`needs no more memory for ${mib} MiB than for little`, async () => {
      const before = await peakOfAgent();
      const source = fixture.makeDirectory("bulk");
      const hash = createHash("sha256");
      const file = openSync(join(source, "bulk"), "w");
      for (let count = 0; count < mib; count += 1) {
        const block = randomBytes(MIB);
        hash.update(block);
        writeSync(file, block);
      }
      closeSync(file);
      const digest = hash.digest("hex");
      const put = await container.put(source, "/bulk");
      assert.equal(await saidBy(container, "sha256sum", "/bulk/bulk"), `${digest}  /bulk/bulk\n`);
      const got = await container.get("/bulk", join(fixture.directory, "bulk-back"));
      assert.deepEqual(got, put);
      assert.equal(put.bytes, mib * MIB);
      const grown = (await peakOfAgent()) - before;
      assert.ok(grown < 80, `its peak grew by ${grown.toFixed(0)} MiB while ${mib} MiB went in and out`);
      await saidBy(container, "rm", "-r", "/bulk");
    });

    it(`copies ${files} small files, each with its content`, async () => {
      const source = fixture.makeDirectory("many");
      for (let count = 0; count < files; count += 1) {
        const folder = join(source, String(count % 20));
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, `f${count}`), `content of ${count}`);
      }
      const put = await container.put(source, "/many");
      assert.equal(put.files, files);
      const target = join(fixture.directory, "many-back");
      const last = files - 1;
      assert.deepEqual(await container.get("/many", target), put);
      assert.equal(readFileSync(join(target, `${last % 20}/f${last}`), "utf8"), `content of ${last}`);
      assert.equal((await saidBy(container, "sh", "-c", "find /many -type f | wc -l")).trim(), String(files));
    });
  });
}
