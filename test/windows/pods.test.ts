/** Pods of Windows containers through a real containerd: isolation by processes, by a VM, and HostProcess containers. */
import assert from "node:assert/strict";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";
import { isHostPid, WINDOWS_DIRECTORY, WindowsImages, WindowsPods } from "../support/windows-containers.ts";

const configure = () => ({ nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } });

const HOST_PROCESS = "microsoft.com/hostprocess-container";
const INHERIT_USER = "microsoft.com/hostprocess-inherit-user";
const ROOTFS_LOCATION = "microsoft.com/hostprocess-rootfs-location";

/** A command line that stays. */
const STAY = "ping -t 127.0.0.1";

eachContainerd("pods of Windows containers", { lines: ["2.1"], configure, tidy: true }, (containerd) => {
  let images: WindowsImages;
  let pods: WindowsPods;

  before(async function () {
    this.timeout(180_000);
    images = await WindowsImages.create();
    pods = new WindowsPods(containerd().ctr(), images);
  });

  after(() => images.remove());

  for (const [name, hyperv] of [
    ["process", false],
    ["hypervisor", true],
  ] as const) {
    it(`${name} isolation: containers of one pod see neither files nor processes of each other`, async () => {
      const ctr = containerd().ctr();
      const pod = `${name}-pod`;
      await pods.start(pod, { hyperv });
      await ctr.runDetached(`${name}-a`, {
        config: pods.member(pod, `${name}-a`, {
          args: ["cmd", "/c", `echo mine > C:\\a.txt & ${STAY}`],
          hyperv,
        }),
      });
      const b = await ctr.run(`${name}-b`, {
        config: pods.member(pod, `${name}-b`, {
          commandLine: "cmd /c if exist C:\\a.txt echo leaked",
          hyperv,
        }),
      });
      assert.equal(b.stdout.toString(), "", b.stderr);
      const seen = await ctr.exec(`${name}-a`, "look", ["cmd", "/c", "type C:\\a.txt"]);
      assert.match(seen.stdout.toString(), /mine/, seen.stderr);
      // With a VM both lists are the VM's, otherwise the host's.
      const [inA, inSandbox] = await Promise.all([ctr.processes(`${name}-a`), ctr.processes(pod)]);
      assert.ok(inA.length > 0);
      assert.deepEqual(
        inA.filter(({ pid }) => inSandbox.some((other) => other.pid === pid)),
        [],
      );
      await pods.end(`${name}-a`, pod);
    });

    it(`${name} isolation: processes of containers ${hyperv ? "are not" : "are"} those of the host`, async () => {
      const ctr = containerd().ctr();
      const id = `${name}-view`;
      await ctr.runDetached(id, { config: images.spec(id, { commandLine: STAY, hyperv }) });
      const task = (await ctr.tasks()).find((one) => one.id === id);
      const pid = task?.pid ?? 0;
      assert.equal(isHostPid(pid), !hyperv);
      const listed = await ctr.processes(id);
      assert.ok(
        listed.some((line) => line.pid === pid),
        JSON.stringify({ pid, listed }),
      );
      await pods.end(id);
    });
  }

  describe("HostProcess", () => {
    const show = 'cmd /c "whoami & cd & echo %CONTAINER_SANDBOX_MOUNT_POINT%"';
    const privileged = { [HOST_PROCESS]: "true", [INHERIT_USER]: "true" };

    for (const hyperv of [false, true]) {
      const mode = hyperv ? "in a VM" : "on the host";
      it(`${mode}: runs as SYSTEM with its root at C:\\hpc, and where it is asked to be`, async () => {
        const ctr = containerd().ctr();
        for (const [location, root] of [
          [undefined, "C:\\hpc"],
          ["C:\\tools\\root", "C:\\tools\\root"],
        ] as const) {
          const id = `hpc-${hyperv}-${root.length}`;
          const result = await ctr.run(id, {
            config: images.spec(id, {
              commandLine: show,
              cwd: "",
              hyperv,
              annotations: {
                ...privileged,
                ...(location === undefined ? {} : { [ROOTFS_LOCATION]: location }),
              },
            }),
          });
          const [user = "", directory = "", variable = ""] = result.stdout.toString().split("\r\n");
          assert.match(user, /\\SYSTEM$/i, result.stderr);
          assert.equal(directory.toLowerCase(), root.toLowerCase());
          // On the host the variable is replaced in the command line, without the backslash at its end.
          assert.equal(variable.trim().replace(/\\$/, "").toLowerCase(), root.toLowerCase());
        }
      });
    }

    /** Pods and containers of the matrix: what kind each is. */
    const KINDS = {
      process: { hyperv: false, annotations: {} },
      "process HostProcess": { hyperv: false, annotations: privileged },
      hypervisor: { hyperv: true, annotations: {} },
      "hypervisor HostProcess": { hyperv: true, annotations: privileged },
    } as const;
    type Kind = keyof typeof KINDS;

    /** What may be in what: the strictest of the rules. All others are refused. */
    const ACCEPTED: Readonly<Record<Kind, readonly Kind[]>> = {
      process: ["process"],
      "process HostProcess": ["process HostProcess"],
      hypervisor: ["process", "hypervisor"],
      "hypervisor HostProcess": ["process", "hypervisor", "hypervisor HostProcess"],
    };

    for (const pod of Object.keys(KINDS) as Kind[]) {
      it(`a ${pod} pod takes ${ACCEPTED[pod].join(", ")} containers and no others`, async function () {
        this.timeout(120_000);
        const ctr = containerd().ctr();
        const podId = `m-${pod.replaceAll(" ", "")}`;
        await pods.start(podId, KINDS[pod]);
        for (const [index, kind] of (Object.keys(KINDS) as Kind[]).entries()) {
          const id = `${podId}-${index}`;
          const config = pods.member(podId, id, { commandLine: "whoami", cwd: "", ...KINDS[kind] });
          const result = await ctr.run(id, { config });
          if (ACCEPTED[pod].includes(kind)) {
            const user = kind.endsWith("HostProcess") ? /\\SYSTEM$/im : /\\ContainerUser$/im;
            assert.match(result.stdout.toString().trim(), user, `${kind}: ${result.stderr}`);
          } else {
            assert.notEqual(result.code, 0, kind);
            assert.equal(result.stdout.toString(), "");
            await until("nothing of it to be left", async () => (await ctr.status(id)) === undefined);
          }
        }
        await pods.end(podId);
      });
    }
  });

  it("leaves nothing behind after thirty containers one after the other", async function () {
    this.timeout(180_000);
    const ctr = containerd().ctr();
    for (let index = 0; index < 30; index++) {
      const id = `many-${index}`;
      const result = await ctr.run(id, {
        config: images.spec(id, { commandLine: `cmd /c exit ${index}`, hyperv: index % 10 === 9 }),
      });
      assert.equal(result.code, index, result.stderr);
    }
    // What is left is looked for when this containerd is taken down.
  });
});
