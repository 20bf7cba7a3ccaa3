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
    await execScript(container, "ln -s / /shared/out; ln -s /etc/shadow /shared/link; mkfifo /shared/fifo");
    const refused: [containerPath: string, why: RegExp][] = [
      ["/shared/out/etc/shadow", /a part of it is a link/],
      ["/shared/link", /is a link/],
      ["/shared/fifo", /neither a file nor a directory/],
      // With all it holds: the links among it lead out, too.
      ["/shared", /is a link|neither/],
    ];
    for (const [containerPath, why] of refused) {
      const copy = { hostPath: path("stolen"), containerPath };
      const [out] = await container.download([copy], { recursive: true });
      assert.match(out?.error?.message ?? "", why);
    }
    const [through] = await container.upload([{ hostPath: path("direct"), containerPath: "/shared/link" }]);
    assert.match(through?.error?.message ?? "", /is a link/);
    await execScript(container, "rm /shared/out /shared/link /shared/fifo");
    const whole = { hostPath: path("whole"), containerPath: "/shared" };
    assert.equal((await container.download([whole], { recursive: true }))[0]?.status, "ok");
    assert.equal(readFileSync(path("whole/direct"), "utf8"), "direct");
  });

  it("go through a staging directory where there is one, and need no tar then", async () => {
    await using staged = await idle(engine().client, { staging: true });
    // What busybox is called by is a link of its own.
    await execScript(staged, "rm /bin/tar; rm /usr/bin/tar; true");
    mkdirSync(path("staged/deep"), { recursive: true });
    writeFileSync(path("staged/deep/leaf"), "leaf");
    chmodSync(path("staged/deep/leaf"), 0o640);
    const copy = { hostPath: path("staged"), containerPath: "/tmp/two words/x" };
    const options = { recursive: true, mkdirs: true };
    const [up] = await staged.upload([copy], options);
    assert.equal(up?.status, "ok", up?.error?.message);
    const { stdout } = await execScript(
      staged,
      "cd '/tmp/two words/x'; stat -c %a deep/leaf; ls /chef/staging",
    );
    assert.equal(stdout, "640\n");
    const [down] = await staged.download([{ ...copy, hostPath: path("staged.back") }], options);
    assert.equal(down?.status, "ok", down?.error?.message);
    assert.equal(statSync(path("staged.back/deep/leaf")).mode & 0o777, 0o640);
  });

  it("need a container that runs", async () => {
    await using stopped = await engine().client.create({ image: "localhost/busybox:test", args: ["true"] });
    const [result] = await stopped.upload([{ hostPath: path("ten"), containerPath: "/tmp/ten" }]);
    assert.ok(ClientError.is(result?.error, "FailedPrecondition"));
  });
});
