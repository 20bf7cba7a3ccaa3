import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";

eachContainerd("ctr run --log-uri", {}, (containerd) => {
  let folder: string;

  before(async () => {
    folder = join(containerd().directory, "task-logs");
    await mkdir(folder);
  });

  describe("file://", () => {
    it("appends both streams to the file, whose folder it makes", async () => {
      const file = join(folder, "made/by/the/shim/log");
      const logUri = `file://${file}`;
      for (const word of ["first", "second"]) {
        const args = ["sh", "-c", `echo ${word}-out; echo ${word}-err >&2`];
        const result = await containerd().ctr().run(`file-${word}`, { args, logUri });
        assert.equal(result.code, 0, result.stderr);
      }
      const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
      assert.deepEqual(lines.sort(), ["first-err", "first-out", "second-err", "second-out"]);
    });

    it("gives the task an input that has ended", async () => {
      const file = join(folder, "input");
      const result = await containerd()
        .ctr()
        .run("file-input", { args: ["sh", "-c", "read line || echo ended"], logUri: `file://${file}` });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(await readFile(file, "utf8"), "ended\n");
    });
  });

  describe("binary://", () => {
    /**
     * A logger by the contract: output on fd 3, errors on fd 4, readiness on fd 5; arguments from the query, the
     * container in the environment. It is asked to end by SIGTERM once both streams are closed, and may take a moment.
     */
    async function writeLogger(name: string): Promise<string> {
      const path = join(folder, `${name}.sh`);
      const script = `#!/bin/sh
        trap '' TERM
        echo "$@" > ${folder}/${name}.arguments
        env > ${folder}/${name}.environment
        echo > /dev/fd/5
        exec 5>&-
        /bin/cat <&3 > ${folder}/${name}.out &
        /bin/cat <&4 > ${folder}/${name}.err &
        exec 3<&- 4<&-
        wait
        echo > ${folder}/${name}.done
      `;
      await writeFile(path, script);
      await chmod(path, 0o755);
      return path;
    }

    it("starts the logger with its arguments and gives it both streams and the container's names", async () => {
      const logger = await writeLogger("logger");
      const args = ["sh", "-c", "seq 1 20000; echo to-err >&2; exit 5"];
      const result = await containerd()
        .ctr()
        .run("logged", { args, logUri: `binary://${logger}?--flag=value` });
      assert.equal(result.code, 5, result.stderr);
      await until("the logger to end", () => existsSync(join(folder, "logger.done")));
      const read = (suffix: string): Promise<string> => readFile(join(folder, `logger.${suffix}`), "utf8");
      assert.equal((await read("arguments")).trim(), "--flag value");
      assert.match(await read("environment"), /^CONTAINER_ID=logged$/m);
      assert.match(
        await read("environment"),
        new RegExp(`^CONTAINER_NAMESPACE=${containerd().namespace}$`, "m"),
      );
      assert.doesNotMatch(await read("environment"), /RUNHCS|TTRPC/);
      const lines = (await read("out")).trimEnd().split("\n");
      assert.equal(lines.length, 20000);
      assert.equal(lines.at(-1), "20000");
      assert.equal(await read("err"), "to-err\n");
    });

    it("takes a logger for an exec as well", async () => {
      const ctr = containerd().ctr();
      const logger = await writeLogger("exec-logger");
      await ctr.runDetached("with-logged-exec", { args: ["sleep", "1000"] });
      const result = await ctr.exec("with-logged-exec", "logged-exec", ["echo", "from exec"], {
        logUri: `binary://${logger}`,
      });
      assert.equal(result.code, 0, result.stderr);
      await until("the logger to end", () => existsSync(join(folder, "exec-logger.done")));
      assert.equal(await readFile(join(folder, "exec-logger.out"), "utf8"), "from exec\n");
      await ctr.remove("with-logged-exec");
    });

    it("refuses the task when the logger does not exist, and leaves nothing", async () => {
      const ctr = containerd().ctr();
      const result = await ctr.run("no-logger", { args: ["true"], logUri: `binary://${folder}/none` });
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, /none/);
      assert.deepEqual(await ctr.tasks(), []);
      // ctr removes a container only when its task could be made.
      for (const id of await ctr.containers()) await ctr.deleteContainer(id);
    });

    it("refuses the task when the logger ends before it is ready", async () => {
      const ctr = containerd().ctr();
      const logger = join(folder, "failing.sh");
      await writeFile(logger, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
      const result = await ctr.run("failing-logger", { args: ["true"], logUri: `binary-v2://${logger}` });
      assert.notEqual(result.code, 0);
      assert.deepEqual(await ctr.tasks(), []);
      for (const id of await ctr.containers()) await ctr.deleteContainer(id);
    });
  });

  after(async () => {
    const bundles = join(
      containerd().directory,
      "state/io.containerd.runtime.v2.task",
      containerd().namespace,
    );
    assert.deepEqual(await readdir(bundles).catch(() => []), []);
  });
});
