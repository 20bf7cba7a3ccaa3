import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../../../shim/client/container.ts";
import { ClientError } from "../../../shim/client/errors.ts";
import { execScript, idle } from "../../support/client-programs.ts";
import { eachEngine } from "../../support/each-engine.ts";

const LARGE = 64 * 1024 * 1024;

eachEngine("container library: files", (engine) => {
  let container: Container;
  let shared: string;
  const path = (name: string): string => join(engine().directory, name);

  before(async () => {
    await engine().client.engine.images.import(engine().archive);
    shared = path("shared");
    mkdirSync(shared);
    container = await idle(engine().client, {
      mounts: [
        { source: shared, target: "/shared" },
        { source: shared, target: "/kept", readonly: true },
      ],
    });
  });

  after(async () => {
    await container.destroy();
  });

  it("go in and out with their modes", async () => {
    for (const mode of [0o755, 0o600, 0o444]) {
      const source = path(`mode-${mode}`);
      writeFileSync(source, `mode ${mode}`);
      chmodSync(source, mode);
      const [up] = await container.upload([{ hostPath: source, containerPath: "/tmp/file" }]);
      assert.deepEqual([up?.status, up?.mode, up?.bytes], ["ok", mode, `mode ${mode}`.length]);
      const { stdout } = await execScript(container, "stat -c %a /tmp/file; cat /tmp/file");
      assert.equal(stdout, `${mode.toString(8)}\nmode ${mode}`);
      const [down] = await container.download([{ hostPath: `${source}.back`, containerPath: "/tmp/file" }]);
      assert.equal(down?.status, "ok");
      assert.equal(statSync(`${source}.back`).mode & 0o777, mode);
      assert.equal(readFileSync(`${source}.back`, "utf8"), `mode ${mode}`);
      await execScript(container, "rm -f /tmp/file");
    }
  });

  it("are the same when they are large", async () => {
    const content = randomBytes(LARGE);
    writeFileSync(path("large"), content);
    let seen = 0;
    const [up] = await container.upload([{ hostPath: path("large"), containerPath: "/tmp/large" }], {
      onProgress: (bytes) => void (seen += bytes),
    });
    assert.deepEqual([up?.status, up?.bytes, seen], ["ok", LARGE, LARGE]);
    const digest = createHash("sha256").update(content).digest("hex");
    assert.match((await execScript(container, "sha256sum /tmp/large")).stdout, new RegExp(`^${digest}`));
    await container.download([{ hostPath: path("large.back"), containerPath: "/tmp/large" }]);
    assert.ok(readFileSync(path("large.back")).equals(content));
    await execScript(container, "rm /tmp/large");
  });

  it("are whole directories when that is asked for", async () => {
    mkdirSync(path("tree/a/b"), { recursive: true });
    writeFileSync(path("tree/a/b/leaf"), "leaf");
    writeFileSync(path("tree/top"), "top");
    symlinkSync("top", path("tree/link"));
    const copy = { hostPath: path("tree"), containerPath: "/tmp/tree" };
    const [refused] = await container.upload([copy]);
    assert.match(refused?.error?.message ?? "", /recursive/);
    assert.equal((await container.upload([copy], { recursive: true }))[0]?.status, "ok");
    // What a link names is what is copied.
    const { stdout } = await execScript(container, "cd /tmp/tree && cat a/b/leaf top link");
    assert.equal(stdout, "leaftoptop");
    const back = { hostPath: path("tree.back"), containerPath: "/tmp/tree" };
    assert.match((await container.download([back]))[0]?.error?.message ?? "", /recursive/);
    assert.equal((await container.download([back], { recursive: true }))[0]?.status, "ok");
    assert.equal(readFileSync(path("tree.back/a/b/leaf"), "utf8"), "leaf");
  });

  it("have parents made for them when that is asked for", async () => {
    writeFileSync(path("deep"), "deep");
    const copy = { hostPath: path("deep"), containerPath: "/tmp/x/y/z" };
    assert.equal((await container.upload([copy]))[0]?.status, "failed");
    assert.equal((await container.upload([copy], { mkdirs: true }))[0]?.status, "ok");
  });

  it("fail one by one, and the rest goes on unless it is not to", async () => {
    writeFileSync(path("good"), "good");
    const copies = [
      { hostPath: path("missing"), containerPath: "/tmp/missing" },
      { hostPath: path("good"), containerPath: "/tmp/good" },
    ];
    assert.deepEqual(
      (await container.upload(copies)).map(({ status }) => status),
      ["failed", "ok"],
    );
    assert.deepEqual(
      (await container.upload(copies, { stopOnError: true })).map(({ status }) => status),
      ["failed", "skipped"],
    );
    const [absent] = await container.download([{ hostPath: path("x"), containerPath: "/no/such" }]);
    assert.match(absent?.error?.message ?? "", /no such file/i);
  });

  it("are refused over a limit, and with paths that climb", async () => {
    writeFileSync(path("ten"), "0123456789");
    const [big] = await container.upload([{ hostPath: path("ten"), containerPath: "/tmp/ten" }], {
      maxBytes: 9,
    });
    assert.ok(ClientError.is(big?.error, "ResourceExhausted"));
    for (const containerPath of ["relative", "/tmp/../etc/passwd"]) {
      const [climbing] = await container.upload([{ hostPath: path("ten"), containerPath }]);
      assert.ok(ClientError.is(climbing?.error, "InvalidArgument"), containerPath);
    }
  });

  it("below a directory of the host are copied on the host, not through links out of it", async () => {
    writeFileSync(path("direct"), "direct");
    await container.upload([{ hostPath: path("direct"), containerPath: "/shared/direct" }]);
    assert.equal(readFileSync(join(shared, "direct"), "utf8"), "direct");
    const [kept] = await container.upload([{ hostPath: path("direct"), containerPath: "/kept/direct" }]);
    assert.match(kept?.error?.message ?? "", /read-only/);
    await execScript(container, "ln -s / /shared/out");
    const [out] = await container.download([
      { hostPath: path("stolen"), containerPath: "/shared/out/etc/shadow" },
    ]);
    assert.match(out?.error?.message ?? "", /leads out/);
  });

  it("need a container that runs", async () => {
    await using stopped = await engine().client.create({ image: "localhost/busybox:test", args: ["true"] });
    const [result] = await stopped.upload([{ hostPath: path("ten"), containerPath: "/tmp/ten" }]);
    assert.ok(ClientError.is(result?.error, "FailedPrecondition"));
  });
});
