import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { SpecError } from "../../../../oci/errors.ts";
import { guestCommand, type GuestCommand } from "../../../../oci/network/guest-command.ts";
import { LINUX_SCRIPT, WINDOWS_SCRIPT } from "../../../../oci/network/guest-scripts.ts";
import {
  facetsOf,
  readStaticNetwork,
  type Facet,
  type StaticInputs,
} from "../../../../oci/network/static.ts";

const IPV4 = { ip: "10.0.0.5", netmask: "24", gateway: "10.0.0.1", dns: "1.1.1.1,fd00::53" };
const IPV6 = { ip: "fd00::5", netmask: "64", gateway: "fd00::1" };

function commandFor(inputs: StaticInputs, facets?: readonly Facet[]): GuestCommand | undefined {
  const settings = readStaticNetwork(inputs);
  return guestCommand("linux", settings, facets === undefined ? facetsOf(settings) : new Set(facets));
}

describe("guestCommand", () => {
  for (const [name, inputs, facets, env] of [
    [
      "everything of IPv4",
      IPV4,
      ["ip", "gateway", "dns"],
      {
        RUNHCS_NETWORK_FAMILY: "4",
        RUNHCS_NETWORK_ADDRESS: "10.0.0.5",
        RUNHCS_NETWORK_PREFIX_LENGTH: "24",
        RUNHCS_NETWORK_NETMASK: "255.255.255.0",
        RUNHCS_NETWORK_GATEWAY: "10.0.0.1",
        RUNHCS_NETWORK_DNS: "1.1.1.1 fd00::53",
      },
    ],
    [
      "everything of IPv6",
      IPV6,
      ["ip", "gateway", "dns"],
      {
        RUNHCS_NETWORK_FAMILY: "6",
        RUNHCS_NETWORK_ADDRESS: "fd00::5",
        RUNHCS_NETWORK_PREFIX_LENGTH: "64",
        RUNHCS_NETWORK_GATEWAY: "fd00::1",
      },
    ],
    [
      "the gateway with an address, though the endpoint has it: setting one takes the other away",
      IPV6,
      ["ip"],
      {
        RUNHCS_NETWORK_FAMILY: "6",
        RUNHCS_NETWORK_ADDRESS: "fd00::5",
        RUNHCS_NETWORK_PREFIX_LENGTH: "64",
        RUNHCS_NETWORK_GATEWAY: "fd00::1",
      },
    ],
    [
      "the gateway alone",
      IPV4,
      ["gateway"],
      { RUNHCS_NETWORK_FAMILY: "4", RUNHCS_NETWORK_GATEWAY: "10.0.0.1" },
    ],
    ["name servers alone", IPV4, ["dns"], { RUNHCS_NETWORK_DNS: "1.1.1.1 fd00::53" }],
  ] as const) {
    it(`hands over ${name}`, () => {
      assert.deepEqual(commandFor(inputs, facets)?.env, env);
    });
  }

  it("is absent when there is nothing to do", () => {
    assert.equal(commandFor(IPV4, []), undefined);
    assert.equal(commandFor(IPV4, ["ports"]), undefined);
    assert.equal(commandFor({ ports: "1:1" }), undefined);
  });

  it("runs a constant script, encoded for PowerShell", () => {
    const settings = readStaticNetwork(IPV4);
    assert.deepEqual(guestCommand("linux", settings, facetsOf(settings))?.args, [
      "/bin/sh",
      "-c",
      LINUX_SCRIPT,
    ]);
    const args = guestCommand("windows", settings, facetsOf(settings))?.args ?? [];
    assert.equal(args[0], "powershell.exe");
    assert.equal(args.at(-2), "-EncodedCommand");
    assert.equal(Buffer.from(args.at(-1) ?? "", "base64").toString("utf16le"), WINDOWS_SCRIPT);
    // CreateProcess takes no longer ones.
    assert.ok(args.join(" ").length < 32_767);
  });

  it("hands over nothing that a shell could take for anything but an address", () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom("1", "f", ":", ".", "$", "`", "'", '"', ";", "\n", "%", "(") }),
      fc.ipV4(),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(text, text, text, fc.constantFrom("linux", "windows"), (ip, gateway, dns, os) => {
        try {
          const settings = readStaticNetwork({ ip, netmask: "30", gateway, dns });
          const command = guestCommand(os, settings, facetsOf(settings));
          for (const value of Object.values(command?.env ?? {})) assert.match(value, /^[0-9a-f.: ]+$/);
        } catch (error) {
          assert.ok(error instanceof SpecError);
        }
      }),
    );
  });

  it("knows every variable that its scripts read", () => {
    const full = Object.keys(commandFor(IPV4)?.env ?? {}).sort();
    for (const script of [LINUX_SCRIPT, WINDOWS_SCRIPT]) {
      const read = [...new Set(script.match(/RUNHCS_\w+/g))].sort();
      assert.deepEqual(read, full);
    }
  });
});

/** Sets the tools of an image up in front of PATH; what it lacks is hidden by an empty file. */
const TOOLS = [
  { name: "ip of iproute2", links: [], hidesIp: false },
  { name: "ip of busybox", links: ["ip"], hidesIp: false },
  { name: "ifconfig and route of net-tools", links: [], hidesIp: true },
  { name: "ifconfig and route of busybox", links: ["ifconfig", "route"], hidesIp: true },
] as const;

/** Arguments: directory with tools and files, then the command. */
const IN_OWN_NETWORK = `set -eu
dir="$1"; shift
mount -t sysfs sysfs /sys
mount --bind "$dir/resolv.conf" /etc/resolv.conf
"$dir/inspect" link add eth0 type veth peer name peer0
"$dir/inspect" address add 192.168.9.9/24 dev eth0
"$dir/inspect" address add fe80::9/64 dev eth0
if [ -e "$dir/hides-ip" ]; then
  for ip in /sbin/ip /bin/ip /usr/sbin/ip /usr/bin/ip; do if [ -e $ip ]; then mount --bind /dev/null $ip; fi; done
fi
export PATH="$dir/tools:$PATH"
"$@" >&2
"$@" >&2
"$dir/inspect" -o address show dev eth0
"$dir/inspect" route show default
"$dir/inspect" -6 route show default
`;

for (const { name, links, hidesIp } of TOOLS)
  describe(`LINUX_SCRIPT with ${name}`, () => {
    let directory: string;

    before(function () {
      const missing = ["/usr/sbin/ip", "/usr/bin/unshare"]
        .concat(links.length > 0 ? ["/usr/bin/busybox"] : [])
        .concat(hidesIp && links.length === 0 ? ["/usr/sbin/ifconfig", "/usr/sbin/route"] : [])
        .filter((path) => !existsSync(path));
      if (process.getuid?.() === 0 && missing.length === 0) return;
      console.log(`      skipped: needs root${missing.length > 0 ? ` and ${missing.join(", ")}` : ""}`);
      this.skip();
    });
    beforeEach(() => {
      directory = mkdtempSync("/tmp/rhc-network-");
      mkdirSync(join(directory, "tools"));
      for (const link of links) symlinkSync("/usr/bin/busybox", join(directory, "tools", link));
      copyFileSync("/usr/sbin/ip", join(directory, "inspect"));
      writeFileSync(join(directory, "resolv.conf"), "nameserver 9.9.9.9\n");
      if (hidesIp) writeFileSync(join(directory, "hides-ip"), "");
    });
    afterEach(() => {
      rmSync(directory, { recursive: true });
    });

    /** Runs it twice, in a network of its own. */
    function run(inputs: StaticInputs, facets?: readonly Facet[]): { state: string; resolv: string } {
      const command = commandFor(inputs, facets);
      assert.ok(command);
      const args = ["--mount", "--net", "/bin/sh", "-c", IN_OWN_NETWORK, "sh", directory, ...command.args];
      const env = { PATH: process.env["PATH"], ...command.env };
      const { status, stdout, stderr } = spawnSync("unshare", args, { env, encoding: "utf8" });
      assert.equal(status, 0, stderr);
      return { state: stdout, resolv: readFileSync(join(directory, "resolv.conf"), "utf8") };
    }

    it("sets address, gateway and name servers of IPv4", () => {
      const { state, resolv } = run(IPV4);
      assert.match(state, /inet 10\.0\.0\.5\/24 /);
      assert.doesNotMatch(state, /192\.168\.9\.9/);
      assert.match(state, /^default via 10\.0\.0\.1 dev eth0/m);
      assert.equal(resolv, "nameserver 1.1.1.1\nnameserver fd00::53\n");
    });

    it("sets address and gateway of IPv6, and leaves name servers alone", () => {
      const { state, resolv } = run(IPV6);
      assert.match(state, /inet6 fd00::5\/64 scope global/);
      assert.match(state, /inet6 fe80::9\/64/);
      assert.match(state, /inet 192\.168\.9\.9\/24/);
      assert.match(state, /^default via fd00::1 dev eth0/m);
      assert.equal(resolv, "nameserver 9.9.9.9\n");
    });

    it("reaches a gateway outside the subnet", () => {
      assert.match(run({ ...IPV4, gateway: "172.16.0.1" }).state, /^default via 172\.16\.0\.1 dev eth0/m);
      assert.match(run({ ...IPV6, gateway: "fd99::1" }).state, /^default via fd99::1 dev eth0/m);
    });

    it("sets a gateway and keeps the address", () => {
      const { state } = run({ ...IPV4, gateway: "192.168.9.1" }, ["gateway"]);
      assert.match(state, /inet 192\.168\.9\.9\/24/);
      assert.match(state, /^default via 192\.168\.9\.1 dev eth0/m);
    });

    it("writes name servers without touching interfaces", () => {
      const { state, resolv } = run(IPV4, ["dns"]);
      assert.match(state, /inet 192\.168\.9\.9\/24/);
      assert.equal(resolv, "nameserver 1.1.1.1\nnameserver fd00::53\n");
    });
  });
