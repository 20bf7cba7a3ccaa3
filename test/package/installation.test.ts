/** The Linux packages on a machine that has never seen the repository: a root of its own, with the distribution's files and the package. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand, type CommandResult } from "../support/command.ts";

const ROOT = join(import.meta.dirname, "../..");
const { name, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly name: string;
  readonly version: string;
};
const SHIM = "containerd-shim-runhcs-v1";

interface Installation {
  readonly what: string;
  /** Shell commands, inside the new root, with the archives in /packages. */
  readonly install: string;
  /** Where the programs are then. */
  readonly bin: string;
}

const INSTALLATIONS: readonly Installation[] = [
  {
    what: "the archive",
    install: `tar -xzf /packages/${name}-${version}-linux-x64.tar.gz -C /opt`,
    bin: `/opt/${name}-${version}-linux-x64/bin`,
  },
  {
    what: "the Debian package",
    // Node may come from elsewhere than Debian.
    install: `dpkg --force-depends -i /packages/${name}_${version}_amd64.deb >/dev/null 2>&1`,
    bin: "/usr/bin",
  },
];

/**
 * Mounts of a namespace of its own, gone with the commands: the machine's root with a layer above it that nobody else sees, the
 * repository hidden, and new directories where programs keep their state.
 */
function inNewRoot(commands: string): Promise<CommandResult> {
  const script = `
    work=$(mktemp -d)
    mount -t tmpfs tmpfs "$work"
    # The pod's shim may still be about to end.
    trap 'umount --recursive --lazy "$work"; rmdir "$work"' EXIT
    mkdir "$work/upper" "$work/work" "$work/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
    mkdir -p "$work/root/packages" "$work/root/var/lib/runhcs"
    mount --bind "$PACKAGES" "$work/root/packages"
    for kept in dev proc sys; do mount --rbind "/$kept" "$work/root/$kept"; done
    for new in run tmp var/lib/runhcs "$HIDDEN"; do
      # The repository may lie in a directory that has just been covered, or on a mount of its own.
      mkdir -p "$work/root/$new"
      mount -t tmpfs tmpfs "$work/root/$new"
    done
    chroot "$work/root" sh -ec "$COMMANDS"`;
  return runCommand("unshare", ["--mount", "--propagation", "private", "sh", "-ec", script], {
    env: { PACKAGES: join(ROOT, "dist/packages"), HIDDEN: ROOT, COMMANDS: commands, NODE_PATH: undefined },
  });
}

describe("installed package", function () {
  this.timeout(120_000);

  for (const { what, install, bin } of INSTALLATIONS) {
    it(`${what} runs its programs, and a pod, with nothing of the repository`, async () => {
      const { code, stdout, stderr } = await inNewRoot(`
        test ! -e '${ROOT}/package.json'
        ${install}
        ${bin}/${SHIM} -v
        ${bin}/hcsctl --help | head -n 1
        mkdir -p /tmp/root/bin
        cp "$(command -v busybox)" /tmp/root/bin/busybox
        ${bin}/hcsctl run --engine shim --layers /tmp/root --rm -- /bin/busybox echo from a pod`);
      assert.deepEqual([code, stderr], [0, ""]);
      const lines = stdout.toString().split("\n");
      assert.equal(lines[0], `${SHIM} ${version}`);
      assert.match(lines[1] ?? "", /^hcsctl /);
      assert.equal(lines[2], "from a pod");
    });
  }
});
