/**
 * What containerv offers, feature by feature, and what this library has for it. Docs are generated from the rows, and a test
 * holds that every row names tests that exist, or says why there are none.
 */

export interface Feature {
  readonly number: number;
  readonly feature: string;
  /** How it is asked for here. */
  readonly ours: string;
  /**
   * - `yes`
   * - `partly`: with what {@link note} says
   * - `no`: because of what {@link note} says
   */
  readonly offered: "yes" | "partly" | "no";
  readonly note?: string;
  /** `<file below test/>: <words of the test's title>` */
  readonly tests: readonly string[];
}

const LIFECYCLE = "integration/client/lifecycle.test.ts";
const PROTECTION = "integration/client/protection.test.ts";
const FILES = "integration/client/files.test.ts";
const ROOTS = "integration/client/roots-and-networks.test.ts";
const JOIN = "unit/shim/client/network/join.test.ts";
const WINDOWS = "windows/library.test.ts";
const POLICY = "unit/oci/policy/policy.test.ts";

export const FEATURES: readonly Feature[] = [
  {
    number: 1,
    feature: "options object",
    ours: "`ContainerOptions`, checked before anything is made",
    offered: "yes",
    tests: [`${LIFECYCLE}: refuses an id that is taken`],
  },
  {
    number: 2,
    feature: "create",
    ours: "`client.create()`, `container.start()`",
    offered: "yes",
    tests: [`${LIFECYCLE}: writes, and ends with its code`, `${WINDOWS}: unchanged`],
  },
  {
    number: 3,
    feature: "container id",
    ours: "`id`; 16 characters are made up without",
    offered: "yes",
    tests: [`${LIFECYCLE}: refuses an id that is taken`],
  },
  {
    number: 4,
    feature: "capabilities set (namespaces)",
    ours: "process, IPC, mount and UTS namespaces always; `network`, `userNamespace`",
    offered: "yes",
    tests: [`${PROTECTION}: makes root of the container an ordinary user outside`],
  },
  {
    number: 5,
    feature: "layers: base root file system",
    ours: '`image`, or `layers: [{ type: "base" }]`',
    offered: "yes",
    tests: [`${ROOTS}: of a base alone cannot be changed`, `${WINDOWS}: are followed down their chain`],
  },
  {
    number: 6,
    feature: "layers: package image",
    ours: '`{ type: "package" }`: a tar archive, or what the client\'s `layerSource` makes a directory of',
    offered: "yes",
    tests: [`${ROOTS}: override those before them`],
  },
  {
    number: 7,
    feature: "layers: host directory",
    ours: '`{ type: "directory" }`, `mounts`; read-only is kept',
    offered: "yes",
    tests: [
      `${ROOTS}: of the host are mounted where they are to be`,
      `${WINDOWS}: sees directories of the host`,
    ],
  },
  {
    number: 8,
    feature: "layers: writable overlay",
    ours: '`{ type: "overlay" }`; without it the root is read-only. `readonly` for images',
    offered: "yes",
    tests: [`${ROOTS}: with an overlay can, and the base stays as it is`],
  },
  {
    number: 9,
    feature: "parent-layer chain validation",
    ours: "`resolveLayerChain` of `./oci`, for the base of a Windows container",
    offered: "yes",
    tests: [
      "unit/oci/windows/layer-chain.test.ts: cycle",
      `${WINDOWS}: are followed down their chain`,
      `${WINDOWS}: are refused when the chain breaks off`,
    ],
  },
  {
    number: 10,
    feature: "utility VM discovery",
    ours: "by the shim, uppermost layer first",
    offered: "yes",
    tests: [
      "unit/oci/windows/utility-vm.test.ts: ",
      `${WINDOWS}: have the utility VM in them`,
      `${WINDOWS}: without a utility VM are refused`,
    ],
  },
  {
    number: 11,
    feature: "LCOW runtime selection",
    ours: "`lcow`, `CHEF_LCOW_*`, `CHEF_WINDOWS_CONTAINER_TYPE`",
    offered: "yes",
    tests: [`${ROOTS}: say what kind of container is meant`, "unit/shim/client/lcow.test.ts: "],
  },
  {
    number: 12,
    feature: "root file system mapping and rebasing",
    ours: "`rebase`; the library itself needs none, because mounts are made in the container's own view",
    offered: "yes",
    tests: ["unit/shim/client/paths.test.ts: rebase"],
  },
  {
    number: 13,
    feature: "minimal OCI spec for LCOW",
    ours: "`minimalLinuxSpec`",
    offered: "yes",
    tests: ["unit/shim/client/spec.test.ts: minimalLinuxSpec"],
  },
  {
    number: 14,
    feature: "spawn, waiting or not",
    ours: "`container.spawn()`, `process.wait()`; `hcsctl exec`, `hcsctl spawn --wait`",
    offered: "yes",
    tests: [`${LIFECYCLE}: run beside it, with streams and codes of their own`],
  },
  {
    number: 15,
    feature: "argument string parsing",
    ours: "`splitArguments`; lists everywhere else",
    offered: "yes",
    tests: ["unit/shim/client/paths.test.ts: splitArguments"],
  },
  {
    number: 16,
    feature: "run as user",
    ours: "`user`: names are looked up in the image",
    offered: "yes",
    tests: [
      `${LIFECYCLE}: is a user of the container's own files by name`,
      "unit/shim/client/users.test.ts: userIds",
      `${WINDOWS}: is an ordinary user with security restricted`,
    ],
  },
  {
    number: 17,
    feature: "environment",
    ours: "`env`, on top of the image's",
    offered: "yes",
    tests: [
      `${LIFECYCLE}: has the environment, directory, user and host name`,
      `${WINDOWS}: has the environment`,
    ],
  },
  {
    number: 18,
    feature: "kill",
    ours: "`kill(signal)`; SIGTERM unless said otherwise",
    offered: "yes",
    tests: [`${LIFECYCLE}: are killed one by one`],
  },
  {
    number: 19,
    feature: "wait with exit code",
    ours: "`wait()`, with the signal",
    offered: "yes",
    tests: [`${LIFECYCLE}: tells the signal that ended it`, `${WINDOWS}: has the environment`],
  },
  {
    number: 20,
    feature: "upload and download",
    ours: "`upload()`, `download()`, `hcsctl cp`: through directories of the host, through a staging directory (`staging`), through tar, or through a `FileTransport` of the client's own",
    offered: "yes",
    tests: [
      `${FILES}: go in and out with their modes`,
      `${FILES}: are the same when they are large`,
      `${FILES}: go through a staging directory`,
      `${WINDOWS}: takes and gives files`,
    ],
  },
  {
    number: 21,
    feature: "join (exec from another process)",
    ours: "`client.get(id)`, `spawn()`",
    offered: "yes",
    tests: [
      `${LIFECYCLE}: run beside it, with streams and codes of their own`,
      "integration/client/hcsctl.test.ts: runs further programs from another process",
    ],
  },
  {
    number: 22,
    feature: "serve-exec and wrappers",
    ours: "`hcsctl exec`, `hcsctl wrap`",
    offered: "yes",
    tests: [
      "unit/shim/client/paths.test.ts: mappedDirectory",
      "windows/wrappers.test.ts: hands every argument on unchanged",
      "unit/shim/client/wrappers.test.ts: hands every argument on unchanged",
    ],
  },
  {
    number: 23,
    feature: "destroy",
    ours: "`destroy()`; twice is success",
    offered: "yes",
    tests: [`${LIFECYCLE}: ends what runs, removes everything, and succeeds again`],
  },
  {
    number: 24,
    feature: "statistics",
    ours: "`usage()`, `cpuPercent()`; `statistics()`: all that the platform measures, in the container's own type",
    offered: "yes",
    tests: [`${LIFECYCLE}: processes are measured`, "unit/shim/client/usage.test.ts: reads what is measured"],
  },
  {
    number: 25,
    feature: "process list",
    ours: "`processes()`, `hcsctl top`",
    offered: "yes",
    tests: [`${LIFECYCLE}: are listed`],
  },
  {
    number: 26,
    feature: "resource limits",
    ours: '`limits`; `"containerv"` for those it gives everybody',
    offered: "yes",
    tests: [
      "unit/shim/client/limits.test.ts: linuxResources",
      `${PROTECTION}: are those of its control group`,
    ],
  },
  {
    number: 27,
    feature: "user namespaces",
    ours: "`userNamespace`; the image's files are given shifted owners",
    offered: "yes",
    tests: [`${PROTECTION}: makes root of the container an ordinary user outside`],
  },
  {
    number: 28,
    feature: "security policies (system calls)",
    ours: "`policy`; `hcsctl policy`; annotation `io.containerd.runhcs.security.policy` for any pod",
    offered: "yes",
    tests: [
      `${POLICY}: is the union of several profiles`,
      `${PROTECTION}: is attached to any container by annotation`,
    ],
  },
  {
    number: 29,
    feature: "path policy",
    ours: "profiles list paths, `hcsctl policy show` prints them",
    offered: "no",
    note: "guests have no means to enforce paths: a policy with paths of its own is warned about, `requirePaths` refuses it",
    tests: [],
  },
  {
    number: 30,
    feature: "network rules",
    ours: "",
    offered: "no",
    note: "no endpoint this library makes has access lists: that is the work of network plug-ins",
    tests: [],
  },
  {
    number: 31,
    feature: "seccomp logging switch",
    ours: "`policy.log`, `CONTAINERV_SECCOMP_LOG=1`, with a warning",
    offered: "yes",
    tests: [`${PROTECTION}: in logging mode allows all, warns loudly`],
  },
  {
    number: 32,
    feature: "security level",
    ours: "`security`: default, restricted, strict",
    offered: "partly",
    note: "app containers and integrity levels are of processes of the host: HCS has no place for them",
    tests: [
      `${PROTECTION}: restricted takes new privileges away`,
      `${WINDOWS}: is an ordinary user with security restricted`,
    ],
  },
  {
    number: 33,
    feature: "static network address and name servers",
    ours: "`network: { switchName, ip, netmask, gateway, dns }`: by an endpoint of HCN or of a bridge, else by the guest",
    offered: "yes",
    tests: [
      `${ROOTS}: gives a static address`,
      `${ROOTS}: has name servers applied in the container`,
      `${JOIN}: applied by others when the endpoint drops it`,
      "unit/oci/network/select.test.ts: ",
    ],
  },
  {
    number: 34,
    feature: "port proxy",
    ours: "`network.ports` become port mappings of the endpoint, which go with it",
    offered: "partly",
    note: "bridges of the emulator have none: a warning says that the ports are lost",
    tests: [
      `${JOIN}: applied by others when the endpoint drops it`,
      "unit/oci/network/endpoint.test.ts: hcnEndpoint",
    ],
  },
  {
    number: 35,
    feature: "volumes",
    ours: "",
    offered: "no",
    note: "disks are the platform's: attach one with a mount of type `virtual-disk` in the spec of a pod",
    tests: [],
  },
  {
    number: 36,
    feature: "utility VM and base image tools",
    ours: "`hcsctl emulator base` makes a base layer for the emulator",
    offered: "partly",
    note: "images of utility VMs are installed with the shim, and not fetched",
    tests: ["unit/shim/client/lcow.test.ts: "],
  },
  {
    number: 37,
    feature: "guest type query",
    ours: "`info().os`",
    offered: "yes",
    tests: ["integration/client/hcsctl.test.ts: lists and shows containers"],
  },
  {
    number: 38,
    feature: "dropped capabilities",
    ours: "`capabilities`: `containerv` unless said otherwise",
    offered: "yes",
    tests: [`${PROTECTION}: capabilities`],
  },
];
