import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connectClient } from "../../../shim/client/connect.ts";
import type { Limits } from "../../../shim/client/options/limits.ts";
import type { ContainerOptions } from "../../../shim/client/options/options.ts";
import { mustRun } from "../../support/command.ts";
import { execScript, idle, outcome, runScript } from "../../support/client-programs.ts";
import { eachEngine } from "../../support/each-engine.ts";
import { BUSYBOX_IMAGE } from "../../support/image.ts";
import { until } from "../../support/until.ts";

eachEngine("container library: policies, limits, users", (engine, kind) => {
  // All of it stands in the spec, which is made before an engine is asked: once is enough.
  if (kind === "shim") return;

  before(async () => {
    await engine().client.engine.images.import(engine().archive);
  });

  describe("a security policy", () => {
    /** What a container with these profiles may do, as the program in it finds out. */
    const attempts = `
      echo hello
      mkdir /tmp/made 2>/dev/null && echo mkdir
      timeout 1 nc -l -p 4321 2>&1 </dev/null | grep -q 'not permitted' || echo bind
      exit 0`;
    const cases: [
      profiles: string[],
      allowed: string[],
      options?: Omit<NonNullable<ContainerOptions["policy"]>, "profiles">,
    ][] = [
      [["minimal"], ["hello"]],
      [["build"], ["hello", "mkdir"]],
      [["network"], ["hello", "bind"]],
      [
        ["build", "network"],
        ["hello", "mkdir", "bind"],
      ],
      [["minimal"], ["hello", "mkdir"], { addSyscalls: ["mkdir", "mkdirat"] }],
    ];
    for (const [profiles, allowed, options = {}] of cases) {
      const name = [...profiles, ...(options.addSyscalls ?? [])].join(" + ");
      it(`${name}: allows ${allowed.join(", ")} and nothing else of it`, async () => {
        const { stdout, exitCode } = await runScript(engine().client, attempts, {
          policy: { profiles, ...options },
        });
        assert.equal(exitCode, 0);
        assert.deepEqual(stdout.trim().split("\n"), allowed);
      });
    }

    it("denies with EPERM", async () => {
      const { stderr, exitCode } = await runScript(engine().client, "mkdir /tmp/x", {
        policy: { profiles: ["minimal"] },
      });
      assert.match(stderr, /Operation not permitted/);
      assert.notEqual(exitCode, 0);
    });

    it("custom runs the bare program, and no other", async () => {
      const { client } = engine();
      const policy = { profiles: ["custom"], compat: false, addSyscalls: ["mprotect"] };
      await using container = await client.create({ image: BUSYBOX_IMAGE, args: ["echo", "alone"], policy });
      assert.equal((await outcome(await container.start({ output: "pipe" }))).stdout, "alone\n");
      const { exitCode } = await runScript(client, "echo a | cat", { policy });
      assert.notEqual(exitCode, 0);
    });

    it("noSpawn leaves a program its threads and no processes", async () => {
      const { stdout, exitCode } = await runScript(engine().client, "echo alone; ls / ; echo never", {
        policy: { profiles: ["minimal"], noSpawn: true },
      });
      assert.match(stdout, /^alone/);
      assert.notEqual(exitCode, 0);
    });

    it("in logging mode allows all, warns loudly, and has the kernel log what it would deny", async () => {
      const { client, warnings } = engine();
      // The kernel names programs by their files: by this one it is told from all others of this machine.
      const program = `busybox${randomBytes(3).toString("hex")}`;
      const policy = { profiles: ["minimal"], log: true };
      const script = `cp /bin/busybox /tmp/${program} && /tmp/${program} mkdir /tmp/x`;
      const { exitCode, stderr } = await runScript(client, script, { policy });
      assert.equal(exitCode, 0, stderr);
      assert.ok(warnings.some((warning) => /not enforced/.test(warning)));
      const MKDIR: Readonly<Record<string, number>> = { x64: 83, arm64: 34 };
      const logged = new RegExp(`type=1326 .*comm="${program}" .* syscall=${MKDIR[process.arch]} `);
      await until("the kernel's line", async () => logged.test(await mustRun("dmesg", [])));
    });

    it("is not enforced either when containerv's variable says so", async () => {
      await using client = await connectClient({
        ...engine().connect,
        environment: { ...process.env, CONTAINERV_SECCOMP_LOG: "1" },
      });
      const { exitCode } = await runScript(client, "mkdir /tmp/x", { policy: { profiles: ["minimal"] } });
      assert.equal(exitCode, 0);
    });

    it("holds for an ordinary user, and for further processes", async () => {
      const policy = { profiles: ["minimal"] };
      await using container = await idle(engine().client, { user: "1000:1000", policy });
      const { stdout, stderr } = await execScript(container, "id -u; mkdir /tmp/x; true");
      assert.equal(stdout, "1000\n");
      assert.match(stderr, /Operation not permitted/);
    });

    it("is attached to any container by annotation", async () => {
      const annotations = { "io.containerd.runhcs.security.policy": "minimal" };
      const { stderr } = await runScript(engine().client, "mkdir /tmp/x", { annotations });
      assert.match(stderr, /Operation not permitted/);
    });
  });

  describe("security levels", () => {
    it("restricted takes new privileges away, strict all capabilities and writing too", async () => {
      const script = "grep -E 'NoNewPrivs|CapEff' /proc/self/status; echo x > /file && echo written";
      const restricted = await runScript(engine().client, script, { security: "restricted" });
      assert.match(restricted.stdout, /NoNewPrivs:\s1/);
      assert.match(restricted.stdout, /written/);
      const strict = await runScript(engine().client, script, { security: "strict" });
      assert.match(strict.stdout, /CapEff:\s0+\n/);
      assert.doesNotMatch(strict.stdout, /written/);
    });
  });

  describe("capabilities", () => {
    const cases: [ContainerOptions["capabilities"], string][] = [
      // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, KILL 5 … LEASE 28, as a mask.
      ["containerv", "00000000141cbfeb"],
      ["none", "0000000000000000"],
      [["CAP_KILL", "chown"], "0000000000000021"],
    ];
    for (const [capabilities, mask] of cases) {
      it(`are ${mask} for ${JSON.stringify(capabilities)}`, async () => {
        const { stdout } = await runScript(engine().client, "grep CapEff /proc/self/status", {
          ...(capabilities === undefined ? {} : { capabilities }),
        });
        assert.equal(stdout.trim().split(/\s+/)[1], mask);
      });
    }
  });

  describe("limits, seen from inside", () => {
    it("kill what takes more memory", async () => {
      // The shell itself holds what the programs write.
      const script = "held=$(head -c 200000000 /dev/zero | tr '\\0' x); echo alive";
      const { exitCode, signal, stdout } = await runScript(engine().client, script, {
        limits: { memory: "32M" },
      });
      assert.deepEqual({ exitCode, signal, stdout }, { exitCode: 137, signal: "SIGKILL", stdout: "" });
    });

    it("hold a program back that wants more processor time", async () => {
      const script = `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done
        cat /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2>/dev/null`;
      const throttled = async (limits: Limits): Promise<number> => {
        const { stdout } = await runScript(engine().client, script, { limits });
        return Number(/^nr_throttled (\d+)$/m.exec(stdout)?.[1]);
      };
      assert.ok((await throttled({ cpus: 0.1 })) > 0);
      assert.equal(await throttled({ memory: "64M" }), 0);
    });

    it("are those of its control group", async () => {
      const read = (file: string): string => `cat /sys/fs/cgroup/${file} 2>/dev/null`;
      const script = [
        read("memory/memory.limit_in_bytes"),
        read("memory.max"),
        read("cpu/cpu.cfs_quota_us"),
        read("cpu.max"),
        read("pids/pids.max"),
        read("pids.max"),
        "true",
      ].join("; ");
      const { stdout } = await runScript(engine().client, script, {
        limits: { memory: "64M", cpus: 0.5, processes: 20 },
      });
      assert.match(stdout, /^67108864$/m);
      assert.match(stdout, /^50000\b/m);
      assert.match(stdout, /^20$/m);
    });

    it("let no more processes be than they say", async () => {
      const { stdout } = await runScript(
        engine().client,
        "i=0; while [ $i -lt 30 ]; do sleep 5 & i=$((i+1)); done 2>&1; exit 0",
        { limits: { processes: 10 } },
      );
      assert.match(stdout, /can't fork|Resource temporarily unavailable/);
    });
  });

  describe("a user namespace", () => {
    it("makes root of the container an ordinary user outside, whose files the image's are", async () => {
      const range = [{ container: 0, host: 100_000, size: 65_536 }];
      const { stdout, stderr } = await runScript(
        engine().client,
        "id -u; cat /proc/self/uid_map; echo mine > /root/file && ls -ln /root/file; stat -c %u /bin/busybox",
        { userNamespace: { uid: range, gid: range } },
      );
      const lines = stdout.trim().split("\n");
      assert.equal(lines[0], "0", stderr);
      assert.match(lines[1] ?? "", /0\s+100000\s+65536/);
      assert.match(lines[2] ?? "", /\s0\s+0\s/);
      assert.equal(lines[3], "0");
    });
  });
});
