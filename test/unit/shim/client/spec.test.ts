import assert from "node:assert/strict";
import { isolationOf } from "../../../../oci/isolation.ts";
import { readSpec } from "../../../../oci/spec.ts";
import { minimalLinuxSpec } from "../../../../shim/client/spec/linux.ts";
import { ociProcess } from "../../../../shim/client/spec/process.ts";
import { windowsSpec } from "../../../../shim/client/spec/windows.ts";

const image = {
  Env: ["A=1", "PATH=/bin"],
  Entrypoint: ["run"],
  Cmd: ["me"],
  WorkingDir: "/srv",
  User: "7:8",
};

describe("ociProcess", () => {
  it("is the image's where nothing else is said", () => {
    const { args, env, cwd, user } = ociProcess({ os: "linux", image });
    assert.deepEqual(
      { args, env, cwd, user },
      {
        args: ["run", "me"],
        env: ["PATH=/bin", "A=1"],
        cwd: "/srv",
        user: { uid: 7, gid: 8 },
      },
    );
  });

  it("is the user's where he says otherwise; names of Windows variables have no case", () => {
    const given = { args: ["x"], env: { a: "2" }, cwd: "C:\\x", user: "me" };
    const { args, env, cwd, user } = ociProcess({ os: "windows", image, ...given });
    assert.deepEqual(
      { args, env, cwd, user },
      {
        args: ["x"],
        env: ["a=2", "PATH=/bin"],
        cwd: "C:\\x",
        user: { username: "me" },
      },
    );
  });

  it("needs a program", () => {
    assert.throws(() => ociProcess({ os: "linux" }), /give args/);
    assert.throws(
      () => ociProcess({ os: "linux", args: ["x"], env: { "A=B": "" } }),
      /cannot be an environment variable/,
    );
  });
});

describe("minimalLinuxSpec", () => {
  const process = ociProcess({ os: "linux", args: ["x"] });

  it("is one that the shim takes for a Linux container", () => {
    const spec = readSpec(minimalLinuxSpec({ hostname: "h", process }));
    assert.equal(isolationOf(spec), "linux-vm");
    assert.deepEqual(
      spec.linux?.namespaces.map(({ type }) => type),
      ["pid", "ipc", "uts", "mount", "network"],
    );
    assert.ok(spec.mounts.some(({ destination }) => destination === "/proc"));
  });

  it("has what it is given", () => {
    const range = [{ container: 0, host: 5, size: 6 }];
    const spec = minimalLinuxSpec({
      hostname: "h",
      process,
      readonly: true,
      mounts: [{ source: "/a", target: "/b", readonly: true }],
      network: { path: "/run/netns/x" },
      userNamespace: { uid: range, gid: range },
      resources: { memory: { limit: 1 } },
    }) as unknown as { root: object; mounts: object[]; linux: Record<string, object[]> };
    assert.deepEqual(spec.root, { path: "rootfs", readonly: true });
    assert.deepEqual(spec.mounts.at(-1), {
      destination: "/b",
      type: "bind",
      source: "/a",
      options: ["rbind", "rprivate", "ro"],
    });
    assert.deepEqual(spec.linux["uidMappings"], [{ containerID: 0, hostID: 5, size: 6 }]);
    assert.ok(spec.linux["namespaces"]?.some((each) => "path" in each && each.path === "/run/netns/x"));
    assert.deepEqual(spec.linux["resources"], { memory: { limit: 1 } });
  });
});

describe("windowsSpec", () => {
  const base = {
    hostname: "h",
    process: ociProcess({ os: "windows", args: ["cmd"] }),
    layerFolders: ["C:\\1", "C:\\s"],
  };

  it("is one that the shim takes for a Windows container, isolated as asked for", () => {
    assert.equal(isolationOf(readSpec(windowsSpec({ ...base, hypervisor: false }))), "windows-host");
    assert.equal(isolationOf(readSpec(windowsSpec({ ...base, hypervisor: true }))), "windows-vm");
  });
});
