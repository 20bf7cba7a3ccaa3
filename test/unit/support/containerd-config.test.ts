import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { type ConfigInput, addressesIn, containerdConfig, majorOf } from "../../support/containerd-config.ts";

const INPUT: ConfigInput = {
  version: "1.7.24",
  directory: "/tmp/x",
  handlers: [
    { name: "first", runtimeType: "io.containerd.runhcs.v1" },
    {
      name: "second",
      runtimeType: "io.containerd.runhcs.v1",
      options: { SandboxIsolation: 1, ConfigPath: "/a file" },
      podAnnotations: ["io.microsoft.*"],
      containerAnnotations: ["x.*"],
      sandboxer: "shim",
      ioType: "streaming",
    },
  ],
  sandboxImage: "localhost/pause:test",
  cni: { plugins: "/usr/lib/cni", configurations: "/tmp/x/cni" },
  snapshotter: "overlayfs",
  logLevel: "debug",
};

type Tree = { [key: string]: Tree };

const at = (tree: Tree, ...path: string[]): unknown => path.reduce<Tree>((node, key) => node[key]!, tree);

describe("containerdConfig", () => {
  const places = [
    {
      version: "1.6.20",
      notation: 2,
      runtime: ["io.containerd.grpc.v1.cri"],
      image: ["io.containerd.grpc.v1.cri", "sandbox_image"],
    },
    {
      version: "1.7.24",
      notation: 2,
      runtime: ["io.containerd.grpc.v1.cri"],
      image: ["io.containerd.grpc.v1.cri", "sandbox_image"],
    },
    {
      version: "2.1.9",
      notation: 3,
      runtime: ["io.containerd.cri.v1.runtime"],
      image: ["io.containerd.cri.v1.images", "pinned_images", "sandbox"],
    },
  ];
  for (const { version, notation, runtime, image } of places) {
    describe(`for ${version}`, () => {
      const tree = structuredClone(parse(containerdConfig({ ...INPUT, version }))) as unknown as Tree;

      it(`is in notation ${notation}`, () => assert.equal(at(tree, "version"), notation));

      it("keeps everything below the directory", () => {
        assert.deepEqual(at(tree, "grpc", "address"), "/tmp/x/c.sock");
        assert.deepEqual(at(tree, "ttrpc", "address"), "/tmp/x/c.sock.ttrpc");
        assert.ok(["root", "state", "temp"].every((key) => String(at(tree, key)).startsWith("/tmp/x/")));
      });

      it("names the sandbox image", () =>
        assert.equal(at(tree, "plugins", ...image), "localhost/pause:test"));

      it("makes the first handler the default", () => {
        assert.equal(at(tree, "plugins", ...runtime, "containerd", "default_runtime_name"), "first");
      });

      it("writes of a handler what it has and nothing else", () => {
        const runtimes = at(tree, "plugins", ...runtime, "containerd", "runtimes");
        assert.deepEqual(runtimes, {
          first: { runtime_type: "io.containerd.runhcs.v1" },
          second: {
            runtime_type: "io.containerd.runhcs.v1",
            pod_annotations: ["io.microsoft.*"],
            container_annotations: ["x.*"],
            sandboxer: "shim",
            io_type: "streaming",
            options: { SandboxIsolation: 1, ConfigPath: "/a file" },
          },
        });
      });

      it("limits how long output is waited for, where containerd can", () => {
        const settings = at(tree, "plugins", ...runtime) as Record<string, unknown>;
        assert.equal(settings["drain_exec_sync_io_timeout"], version === "1.6.20" ? undefined : "10s");
      });
    });
  }
});

describe("addressesIn", () => {
  it("puts the ttrpc address where containerd would", () => {
    assert.deepEqual(addressesIn("/d"), { grpc: "/d/c.sock", ttrpc: "/d/c.sock.ttrpc" });
  });
});

describe("majorOf", () => {
  it("is the first number", () => assert.deepEqual(["1.6.20", "2.1.9", "10.0.1"].map(majorOf), [1, 2, 10]));
});
