/** A root file system of busybox alone, and OCI specs of containers that run in it. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OciProcess, OciSpec } from "../../hcs/emulator/guest/oci.ts";

const PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/** Makes the file system in `directory`: busybox under all its names, a user `app` (1000, group 1000). */
export function makeRootfs(directory: string): void {
  for (const name of ["bin", "sbin", "usr/bin", "usr/sbin", "etc", "proc", "sys", "dev", "tmp", "root"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  copyFileSync("/bin/busybox", join(directory, "bin/busybox"));
  execFileSync("chroot", [directory, "/bin/busybox", "--install", "-s"]);
  writeFileSync(
    join(directory, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n",
  );
  writeFileSync(join(directory, "etc/group"), "root:x:0:\napp:x:1000:\nstaff:x:50:app\n");
}

export interface SpecOptions {
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly terminal?: boolean;
  /** Members that are merged into the spec as they are. */
  readonly extra?: Partial<OciSpec>;
}

/** A spec as a host writes it for a guest: private namespaces, the usual file systems. */
export function containerSpec({ rootfs, args, terminal = false, extra = {} }: SpecOptions): OciSpec & object {
  return {
    ...{ ociVersion: "1.0.2" },
    process: { terminal, user: { uid: 0, gid: 0 }, args: [...args], env: [PATH], cwd: "/" },
    root: { path: rootfs },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666"],
      },
    ],
    linux: {
      resources: {},
      namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })),
    },
    ...extra,
  };
}

export function execProcess(args: readonly string[], extra: Partial<OciProcess> = {}): OciProcess {
  return { user: { uid: 0, gid: 0 }, args: [...args], env: [PATH], cwd: "/", ...extra };
}
