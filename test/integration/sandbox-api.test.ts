import assert from "node:assert/strict";
import type { Cri, Pod, PodContainer } from "../support/cri.ts";
import { eachContainerd } from "../support/each-containerd.ts";

eachContainerd(
  "a pod of the Sandbox API",
  {
    lines: ["2.1"],
    oursOnly: true,
    configure: ({ runtime }) => ({
      handlers: [
        { name: "sandboxed", runtimeType: runtime.type, sandboxer: "shim", ioType: "streaming" },
        { name: "fifos", runtimeType: runtime.type, sandboxer: "shim" },
      ],
    }),
  },
  (containerd) => {
    for (const handler of ["sandboxed", "fifos"]) {
      describe(`with handler ${handler}`, () => {
        let cri: Cri;
        let pod: Pod;
        let web: PodContainer;

        before(async () => {
          cri = await containerd().cri();
          pod = await cri.runPod(`pair-${handler}`, { hostname: "sandboxed", handler });
          web = await pod.start("web", { command: ["sh", "-c", "echo started; exec sleep 1000"] });
        });

        after(async () => {
          try {
            await pod.remove();
          } finally {
            cri.close();
          }
        });

        it("is ready, with an address of the pod network", async () => {
          assert.equal(await pod.isReady(), true);
          const status = await pod.status();
          assert.ok(status.network?.ip.startsWith(`${containerd().network.prefix}.`), status.network?.ip);
        });

        it("gives its containers the pod's host name and network", async () => {
          const { stdout } = await web.exec(["sh", "-c", "hostname; ip -4 addr show eth0"]);
          assert.match(stdout, /^sandboxed\n/);
          assert.match(stdout, new RegExp(`inet ${containerd().network.prefix}\\.`));
        });

        it("runs commands with both outputs and their exit status", async () => {
          const result = await web.exec(["sh", "-c", "echo out; echo err >&2; exit 9"]);
          assert.deepEqual(result, { code: 9, stdout: "out\n", stderr: "err\n" });
        });

        it("carries large output whole", async () => {
          const { stdout } = await web.exec([
            "sh",
            "-c",
            "i=0; while [ $i -lt 20000 ]; do echo 0123456789abcdef; i=$((i+1)); done",
          ]);
          assert.equal(stdout.length, 20000 * 17);
        });
      });
    }
  },
);
