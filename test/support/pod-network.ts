/** A bridge and a CNI configuration of our own, so that pods of one private containerd have a network. */
import { mkdir, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { mustRun, runCommand } from "./command.ts";

/** The network pods are attached to. */
export interface PodNetwork {
  readonly bridge: string;
  /** First three numbers of the subnet, a /24. */
  readonly prefix: string;
  /** Folder of the CNI configuration. */
  readonly configurations: string;
  /** Takes the bridge away. */
  remove(): Promise<void>;
}

const ATTEMPTS = 20;

/**
 * Makes the bridge and writes the configuration into `directory`. We make the bridge ourselves, with the gateway's
 * address on it: were the plugin asked to, it would also turn on forwarding for the whole machine and leave it on.
 */
export async function createPodNetwork(directory: string): Promise<PodNetwork> {
  const bridge = `rh${randomBytes(4).toString("hex")}`;
  const prefix = await unusedPrefix();
  await mustRun("ip", ["link", "add", bridge, "type", "bridge"]);
  try {
    await mustRun("ip", ["address", "add", `${prefix}.1/24`, "dev", bridge]);
    await mustRun("ip", ["link", "set", bridge, "up"]);
    const configurations = `${directory}/cni`;
    await mkdir(configurations, { recursive: true });
    await writeFile(`${configurations}/10-pods.conflist`, configuration(directory, bridge, prefix));
    return { bridge, prefix, configurations, remove: () => removeBridge(bridge) };
  } catch (error) {
    await removeBridge(bridge);
    throw error;
  }
}

async function removeBridge(bridge: string): Promise<void> {
  await mustRun("ip", ["link", "delete", bridge]);
}

function configuration(directory: string, bridge: string, prefix: string): string {
  const plugin = {
    type: "bridge",
    bridge,
    ipam: {
      type: "host-local",
      dataDir: `${directory}/ipam`,
      ranges: [[{ subnet: `${prefix}.0/24`, gateway: `${prefix}.1` }]],
      routes: [{ dst: "0.0.0.0/0" }],
    },
  };
  return JSON.stringify({ cniVersion: "0.4.0", name: bridge, plugins: [plugin] });
}

/** A 10.x.y that no route of this machine leads to. */
async function unusedPrefix(): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const [high = 0, low = 0] = randomBytes(2);
    const prefix = `10.${128 + (high % 127)}.${low}`;
    const routes = await runCommand("ip", [
      "-4",
      "route",
      "show",
      "root",
      "10.0.0.0/8",
      "match",
      `${prefix}.1`,
    ]);
    if (routes.stdout.toString("utf8").trim() === "") return prefix;
  }
  throw new Error(`cannot choose a subnet for pods: ${ATTEMPTS} random ones in 10.128.0.0/9 all have routes`);
}
