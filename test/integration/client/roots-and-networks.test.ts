import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectClient } from "../../../shim/client/connect.ts";
import { hostNetworks } from "../../../shim/client/network/host-networks.ts";
import { ClientError } from "../../../shim/client/errors.ts";
import type { ContainerOptions } from "../../../shim/client/options/options.ts";
import { runScript, outcome } from "../../support/client-programs.ts";
import { mustRun, runCommand } from "../../support/command.ts";
import { eachEngine } from "../../support/each-engine.ts";
import { makeRootfs } from "../../support/guest-rootfs.ts";
import { createPodNetwork, type PodNetwork } from "../../support/pod-network.ts";
import { RUNHCS } from "../../support/runtime.ts";
import { writeTar } from "../../support/tar.ts";

eachEngine("container library: root file systems and networks", (engine) => {
  let base: string;
  before(async () => {
    await engine().client.engine.images.import(engine().archive);
    base = join(engine().directory, "base");
    makeRootfs(base);
  });

  /** A script in a container of layers. */
  async function inLayers(layers: NonNullable<ContainerOptions["layers"]>, script: string): Promise<string> {
    const { client } = engine();
    await using container = await client.create({ layers, args: ["sh", "-c", script] });
    const { stdout, stderr } = await outcome(await container.start({ output: "pipe" }));
    return stdout + stderr;
  }

  describe("layers", () => {
    it("of a base alone cannot be changed", async () => {
      const said = await inLayers([{ type: "base", path: base }], "cat /etc/group | head -1; echo x > /file");
      assert.match(said, /^root:x:0:/);
      assert.match(said, /Read-only file system/);
    });

    it("with an overlay can, and the base stays as it is", async () => {
      const layers = [{ type: "base", path: base }, { type: "overlay" }] as const;
      assert.equal(await inLayers(layers, "echo x > /file && cat /file"), "x\n");
      assert.match(await inLayers(layers, "ls /file"), /No such file/);
    });

    it("override those before them", async () => {
      const archive = join(engine().directory, "package.tar");
      writeFileSync(archive, writeTar([{ type: "file", path: "etc/group", content: "package\n" }]));
      const layers = [
        { type: "base", path: base },
        { type: "package", path: archive },
      ] as const;
      assert.equal(await inLayers(layers, "cat /etc/group; cat /etc/passwd | wc -l"), "package\n2\n");
    });

    it("of the host are mounted where they are to be, read-only when they are", async () => {
      const directory = join(engine().directory, "given");
      mkdirSync(directory);
      writeFileSync(join(directory, "file"), "given\n");
      const said = await inLayers(
        [
          { type: "base", path: base },
          { type: "overlay" },
          { type: "directory", source: directory, target: "/mnt/given", readonly: true },
        ],
        "cat /mnt/given/file; echo x > /mnt/given/file",
      );
      assert.match(said, /^given\n.*Read-only file system/);
    });

    it("find users in the base", async () => {
      const { client } = engine();
      await using container = await client.create({
        layers: [{ type: "base", path: base }],
        args: ["id"],
        user: "app",
      });
      const { stdout } = await outcome(await container.start({ output: "pipe" }));
      assert.match(stdout, /uid=1000\(app\) gid=1000\(app\) groups=.*50\(staff\)/);
    });

    it("have to be there, one base among them", async () => {
      const { client } = engine();
      const none = client.create({ layers: [{ type: "base", path: "/no/such" }], args: ["true"] });
      await assert.rejects(none, (error: unknown) => ClientError.is(error, "NotFound"));
      const noBase = client.create({ layers: [{ type: "overlay" }], args: ["true"] });
      await assert.rejects(noBase, (error: unknown) => ClientError.is(error, "InvalidArgument"));
    });
  });

  describe("the variables of containerv", () => {
    /** A container of layers, by a client that has the variables. @returns what it says, and its annotations */
    async function bootedFrom(variables: Record<string, string>): Promise<[string, Record<string, string>]> {
      await using client = await connectClient({
        ...engine().connect,
        environment: { ...process.env, CHEF_WINDOWS_CONTAINER_TYPE: "linux", ...variables },
      });
      await using container = await client.create({
        layers: [{ type: "base", path: base }, { type: "overlay" }],
        args: ["echo", "booted"],
      });
      const { spec } = await container.info();
      const { stdout } = await outcome(await container.start({ output: "pipe" }));
      return [stdout, spec["annotations"] as Record<string, string>];
    }

    it("say what kind of container is meant, and what its VM boots from", async () => {
      // The emulator boots from the directory of its own programs alone.
      const own = join(RUNHCS.folder ?? "", "../libexec");
      const [stdout, annotations] = await bootedFrom({
        CHEF_LCOW_UVM_IMAGE_PATH: own,
        CHEF_LCOW_BOOT_PARAMETERS: "quiet",
      });
      assert.equal(stdout, "booted\n");
      assert.equal(annotations["io.microsoft.virtualmachine.lcow.kernelbootoptions"], "quiet");
    });

    it("name the files, which the VM finds under their standard names", async () => {
      const boot = join(engine().directory, "uvm");
      mkdirSync(boot);
      for (const name of ["my-kernel", "my-initrd"]) writeFileSync(join(boot, name), name);
      const variables = { CHEF_LCOW_UVM_IMAGE_PATH: boot, CHEF_LCOW_KERNEL_FILE: "my-kernel" };
      // What HCS is asked to boot; no kernel of ours is in it.
      await assert.rejects(
        bootedFrom({ ...variables, CHEF_LCOW_INITRD_FILE: "my-initrd" }),
        /KernelFilePath: "[^"]*\/boot\/kernel"/,
      );
      await assert.rejects(
        bootedFrom({ ...variables, CHEF_LCOW_INITRD_FILE: "none" }),
        (error: unknown) => ClientError.is(error, "NotFound") && error.message.includes('"none"'),
      );
    });
  });

  describe("a network by the name of its switch", () => {
    let network: PodNetwork;
    const show = "ip -4 -o address show dev eth0 | awk '{print $4}'; ip route | grep default";

    before(async () => {
      const directory = join(engine().directory, "net");
      mkdirSync(directory);
      network = await createPodNetwork(directory);
    });
    after(async () => {
      await network.remove();
    });

    it("is the bridge of that name", async () => {
      const found = (await (await hostNetworks()).list()).find(
        ({ switchName }) => switchName === network.bridge,
      );
      assert.deepEqual(found?.subnets, [`${network.prefix}.1/24`]);
    });

    it("gives a static address, with the host as the gateway, and reaches it", async () => {
      const { client } = engine();
      const ip = `${network.prefix}.77`;
      const options = {
        network: { switchName: network.bridge, requireMatch: true, ip, netmask: "255.255.255.0" },
      };
      const { stdout, stderr } = await runScript(
        client,
        `${show}; ping -c 1 -w 5 ${network.prefix}.1 | grep -c 'bytes from'`,
        options,
      );
      assert.equal(stdout, `${ip}/24\ndefault via ${network.prefix}.1 dev eth0 \n1\n`, stderr);
    });

    it("gives an address of its own choosing, another one to each", async () => {
      const { client } = engine();
      const options = { network: { switchName: network.bridge } };
      await using first = await client.create({
        image: "localhost/busybox:test",
        args: ["sleep", "1000"],
        ...options,
      });
      const { stdout } = await runScript(client, show, options);
      assert.equal(stdout.split("\n")[0], `${network.prefix}.3/24`);
      assert.equal(first.network?.networkName, network.bridge);
    });

    it("has name servers applied in the container, which the endpoint cannot", async () => {
      const { client } = engine();
      const { stdout } = await runScript(
        client,
        "while ! grep -q nameserver /etc/resolv.conf 2>/dev/null; do sleep 0.1; done; cat /etc/resolv.conf",
        {
          network: { switchName: network.bridge, dns: "192.0.2.1; 192.0.2.2" },
        },
      );
      assert.equal(stdout, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
    });

    it("is refused when an address is taken, or no network has the name", async () => {
      const { client } = engine();
      const wish = { switchName: network.bridge, ip: `${network.prefix}.90` };
      const image = "localhost/busybox:test";
      await using _holder = await client.create({ image, args: ["true"], network: wish });
      await assert.rejects(client.create({ image, args: ["true"], network: wish }), /is taken/);
      await assert.rejects(
        client.create({
          image,
          args: ["true"],
          network: { switchName: "no-such-switch", requireMatch: true },
        }),
        (error: unknown) => ClientError.is(error, "NotFound"),
      );
    });

    it("leaves nothing on the host", async () => {
      const links = (
        await runCommand("ip", ["-o", "link", "show", "master", network.bridge])
      ).stdout.toString();
      assert.equal(links, "");
      const names = (await mustRun("ip", ["netns", "list"])).split("\n");
      const { namespace } = engine().client.engine;
      assert.deepEqual(
        names.filter((name) => name.includes(`runhcs-${namespace}-`)),
        [],
      );
    });
  });
});
