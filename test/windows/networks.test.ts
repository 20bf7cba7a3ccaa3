/** The network of a pod of Windows containers, as its containers see it. */
import assert from "node:assert/strict";
import { BridgeNetworks } from "../../hcs/emulator/network/bridges.ts";
import { eachContainerd } from "../support/each-containerd.ts";
import { until } from "../support/until.ts";
import { WINDOWS_DIRECTORY, WindowsImages, WindowsPods } from "../support/windows-containers.ts";

const configure = () => ({ nodeSettings: { emulator: { windows_directory: WINDOWS_DIRECTORY } } });

eachContainerd("networks of Windows pods", { lines: ["2.1"], configure, tidy: true }, (containerd) => {
  const networks = new BridgeNetworks();
  let images: WindowsImages;
  let pods: WindowsPods;

  before(async () => {
    images = await WindowsImages.create();
    pods = new WindowsPods(containerd().ctr(), images);
  });

  after(() => images.remove());

  /** A network namespace with an address on the bridge of this containerd, as a client makes it for a pod. */
  const namespaceWith = async (name: string, address: string): Promise<string> => {
    const { bridge, prefix } = containerd().network;
    const network = (await networks.list()).find(({ switchName }) => switchName === bridge);
    const reference = await networks.createNamespace(`${containerd().namespace}-${name}`);
    await networks.createEndpoint(reference, {
      HostComputeNetwork: network?.id ?? "",
      IpConfigurations: [{ IpAddress: address, PrefixLength: 24 }],
      Routes: [{ NextHop: `${prefix}.1`, DestinationPrefix: "0.0.0.0/0" }],
    });
    return reference;
  };

  for (const [name, hyperv] of [
    ["process", false],
    ["hypervisor", true],
  ] as const) {
    it(`${name} isolation: its containers share one address and loopback interface, and others do not`, async () => {
      const ctr = containerd().ctr();
      const { prefix } = containerd().network;
      const address = `${prefix}.${hyperv ? 20 : 10}`;
      const networkNamespace = await namespaceWith(name, address);
      try {
        const pod = `${name}-net`;
        await pods.start(pod, { hyperv, networkNamespace });
        const listening = ctr.runAttached(`${pod}-a`, {
          config: pods.member(pod, `${pod}-a`, {
            commandLine: "C:\\probe.exe listen 5000",
            hyperv,
            networkNamespace,
          }),
        });
        await until("the first container to listen", () => listening.output.includes("listening"), {
          state: () => listening.errors,
        });
        const b = await ctr.run(`${pod}-b`, {
          config: pods.member(pod, `${pod}-b`, {
            commandLine:
              'cmd /c "ipconfig & ping -n 1 PREFIX.1 & C:\\probe.exe send 127.0.0.1 5000 through-loopback"'.replace(
                "PREFIX",
                prefix,
              ),
            hyperv,
            networkNamespace,
          }),
        });
        const seen = b.stdout.toString();
        assert.match(seen, new RegExp(`\\b${address.replaceAll(".", "\\.")}\\b`), b.stderr);
        assert.match(seen, /Reply from/);
        assert.match(seen, /sent/);
        const a = await listening.wait();
        assert.match(a.stdout.toString(), /through-loopback/);
        // Another task has an interface of its own, on which nobody listens.
        const stranger = await ctr.run(`${pod}-c`, {
          config: images.spec(`${pod}-c`, { commandLine: "C:\\probe.exe send 127.0.0.1 5000 x", hyperv }),
        });
        assert.match(stranger.stdout.toString(), /connect failed/, stranger.stderr);
        await pods.end(pod);
      } finally {
        await networks.deleteNamespace(networkNamespace);
      }
    });
  }

  it("two pods listen on the same port of different addresses, which the host reaches", async () => {
    const ctr = containerd().ctr();
    const { prefix } = containerd().network;
    const made: string[] = [];
    try {
      for (const [index, hyperv] of [false, true].entries()) {
        const id = `server-${index}`;
        const networkNamespace = await namespaceWith(id, `${prefix}.${30 + index}`);
        made.push(networkNamespace);
        const server = ctr.runAttached(id, {
          config: images.spec(id, { commandLine: "C:\\probe.exe listen 5001", hyperv, networkNamespace }),
        });
        await until("it listens", () => server.output.includes("listening"), { state: () => server.errors });
        const client = await ctr.run(`client-${index}`, {
          config: images.spec(`client-${index}`, {
            commandLine: `C:\\hpc\\probe.exe send ${prefix}.${30 + index} 5001 hello-${index}`,
            annotations: {
              "microsoft.com/hostprocess-container": "true",
              "microsoft.com/hostprocess-inherit-user": "true",
            },
            cwd: "",
          }),
        });
        assert.match(client.stdout.toString(), /sent/, client.stderr);
        assert.match((await server.wait()).stdout.toString(), new RegExp(`hello-${index}`));
      }
    } finally {
      for (const reference of made) await networks.deleteNamespace(reference);
    }
  });
});
