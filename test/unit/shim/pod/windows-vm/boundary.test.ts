/** Boundary levels of Windows pods, by the documents and requests that the host gets. */
import assert from "node:assert/strict";
import type { RootfsMount } from "../../../../../hcs/api.ts";
import { Options } from "../../../../../shim/options/own.ts";
import type { CreateContext } from "../../../../../shim/pod/containers.ts";
import type { CreateRequest } from "../../../../../shim/pod/request.ts";
import { WindowsVmContainers } from "../../../../../shim/pod/windows-vm/containers.ts";
import { Holdings } from "../../../../../shim/resources/holdings.ts";
import { blockCims, CONFIDENTIAL_FILES, CONFIDENTIAL_POLICY } from "../../../../support/confidential-pod.ts";
import { WindowsHost } from "../../../../support/windows-host.ts";

const FILES = [
  ...CONFIDENTIAL_FILES,
  { path: "C:\\snap\\1\\UtilityVM\\Files", dir: true },
  { path: "C:\\snap\\1\\UtilityVM\\SystemTemplate.vhdx", size: 4096 },
  { path: "C:\\snap\\web\\sandbox.vhdx", size: 4096 },
  { path: "C:\\data", dir: true },
];
const DATA = { mounts: [{ source: "C:\\data", destination: "C:\\data" }] };
const PIPE = { mounts: [{ source: "\\\\.\\pipe\\host", destination: "\\\\.\\pipe\\guest" }] };

const layers = (id: string): RootfsMount => ({
  type: "windows-layer",
  source: `C:\\snap\\${id}`,
  target: "",
  options: ['parentLayerPaths=["C:\\\\snap\\\\1"]'],
});

interface PodKind {
  readonly rootfs: (id: string) => RootfsMount;
  readonly annotations: Readonly<Record<string, string>>;
  readonly windowsBuild: number;
}
const CIMS: PodKind = { rootfs: blockCims, annotations: CONFIDENTIAL_POLICY, windowsBuild: 26_100 };
const SHARES: PodKind = { rootfs: layers, annotations: {}, windowsBuild: 20_348 };

class LevelledPod {
  readonly host: WindowsHost;
  readonly #containers: WindowsVmContainers;
  readonly #kind: PodKind;
  readonly #options: Options;

  private constructor(host: WindowsHost, kind: PodKind, level: string) {
    this.host = host;
    this.#containers = new WindowsVmContainers(host.pod);
    this.#kind = kind;
    this.#options = new Options({ values: new Map([["boundary.level", level]]), warnings: [] });
  }

  static async create(kind: PodKind, level: string): Promise<LevelledPod> {
    const { windowsBuild } = kind;
    const host = await WindowsHost.create({ platform: { windowsBuild }, files: FILES });
    const pod = new LevelledPod(host, kind, level);
    const request = pod.#request("c1", { annotations: kind.annotations });
    await pod.#containers.createSandbox(
      { ...request, identity: { role: "sandbox", podId: "c1" } },
      pod.#context(host.holdings),
    );
    return pod;
  }

  workload(spec: object = {}): Promise<unknown> {
    const identity = { role: "workload", podId: "c1" } as const;
    return this.#containers.createWorkload(
      { ...this.#request("web", spec), id: "web", identity },
      this.#context(),
    );
  }

  share(): Promise<void> {
    const share = { hostPath: "C:\\data", guestPath: "C:\\late", readOnly: true };
    return this.#containers.shareIntoVm(share, this.#context());
  }

  /** What the host was given, as text. */
  get given(): string {
    const { entries, documents } = this.host.recorder;
    return JSON.stringify([entries, ...documents.values()]);
  }

  #request(id: string, spec: object): CreateRequest {
    const request = this.host.request({ windows: { hyperv: {} }, ...spec }, this.#kind.rootfs(id));
    return { ...request, options: this.#options };
  }

  #context(holdings = forgetful()): CreateContext {
    return { holdings, phasesOf: (verb) => this.host.phases(verb) };
  }
}

function forgetful(): Holdings {
  const nothing = (): void => undefined;
  return new Holdings({ hold: nothing, strike: nothing, started: nothing, exited: nothing, close: nothing });
}

describe("a Windows pod of boundary level strict", () => {
  it("has no device for shares in its document, and none is added for a container", async () => {
    const pod = await LevelledPod.create(CIMS, "strict");
    await pod.workload();
    assert.ok(pod.given.includes('"Scsi"'));
    assert.doesNotMatch(pod.given, /VirtualSmb|Plan9|VSMB/i);
  });

  it("has the device at level shared", async () => {
    const pod = await LevelledPod.create(CIMS, "shared");
    assert.match(pod.given, /VirtualSmb/);
  });

  it("is refused where its VM would boot from a share", () =>
    assert.rejects(LevelledPod.create(SHARES, "strict"), /boots from share "os"; boot it from block CIMs/));

  it("refuses a directory and a pipe of the host, naming the mount and what to do", async () => {
    const pod = await LevelledPod.create(CIMS, "strict");
    await assert.rejects(pod.workload(DATA), /"strict" .*use a disk.*C:.+data/s);
    await assert.rejects(pod.workload(PIPE), /"strict" .*pipe/s);
    assert.doesNotMatch(pod.given, /VirtualSmb|VSMB/i);
  });

  it("lets nobody add a share afterwards", async () => {
    const pod = await LevelledPod.create(CIMS, "strict");
    await assert.rejects(pod.share(), /"strict" does not let this into the VM: a directory of the host/);
    assert.doesNotMatch(pod.given, /VirtualSmb|VSMB/i);
  });
});

describe("a Windows pod of boundary level no-data-smb", () => {
  it("shares what the platform needs, read-only, and nothing else", async () => {
    const pod = await LevelledPod.create(SHARES, "no-data-smb");
    await pod.workload();
    const shares = [
      ...pod.given.matchAll(/"Path":"([^"]+)","Options":\{([^}]*)\}|"Options":\{([^}]*)\},"Path"/g),
    ];
    assert.ok(shares.length > 0, "the VM boots from one");
    for (const [share, , options, others] of shares)
      assert.match(options ?? others ?? "", /"ReadOnly":true/, share);
    await assert.rejects(pod.workload(DATA), /"no-data-smb" /);
    await assert.rejects(pod.share(), /"no-data-smb" does not let this into the VM/);
  });
});
