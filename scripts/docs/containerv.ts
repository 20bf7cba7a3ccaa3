import { FEATURES } from "../../shim/client/features.ts";
import { LCOW_VARIABLES, GUEST_OS_VARIABLE } from "../../shim/client/options/lcow.ts";
import { LOG_VARIABLE } from "../../oci/policy/policy.ts";
import { PROFILES } from "../../oci/policy/profiles.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

export function containervDocument(): string {
  return document(
    GENERATED,
    "# The container library, beside containerv",
    `${code("containerd-shim-runhcs/client")} creates containers, runs programs in them, copies files, limits, connects and protects them: the same for
Linux and Windows containers, over containerd or, where none runs, over the shim alone. containerv, the container library of the Chef
build tools, is where its features come from. This page lists them one by one.`,
    `\`\`\`ts
import { connectClient } from "containerd-shim-runhcs/client";

await using client = await connectClient();
await using container = await client.create({
  image: "busybox.tar",
  args: ["sleep", "1000"],
  limits: { memory: "256M", cpus: 0.5 },
  policy: { profiles: ["minimal"] },
});
await container.start();
const process = await container.spawn({ args: ["sh", "-c", "echo hi; exit 3"] });
process.stdout?.pipe(globalThis.process.stdout);
const { exitCode } = await process.wait();
\`\`\``,
    `On the command line: ${["run", "create", "start", "exec", "spawn", "cp", "ps", "top", "logs", "inspect", "stop", "kill", "rm", "wrap", "image ls", "image rm", "image prune", "network ls", "network select", "policy ls", "policy show"].map((verb) => code(`hcsctl ${verb}`)).join(", ")}.
They talk to containerd when it answers, and otherwise run the shim themselves (${code("--engine")}).`,
    "## One program, any container",
    `[examples/anywhere.ts](../examples/anywhere.ts) starts a container, runs a program in it, copies a file there and back, measures and
ends it. It does not know what kind of container that is; its options do:`,
    table(
      ["kind", "options of the container", "options of the client"],
      [
        [
          "Linux, on the host",
          code('{ "os": "linux", "image": "busybox.tar" }'),
          code('{ "runtime": "io.containerd.runc.v2" }'),
        ],
        ["Linux, in a utility VM", code('{ "os": "linux", "image": "busybox.tar" }'), ""],
        [
          "Windows, on the host",
          code('{ "os": "windows", "layers": [{ "type": "base", "path": "BASE" }], "staging": true }'),
          "",
        ],
        ["Windows, in a utility VM", `the same, with ${code('"isolation": "hypervisor"')}`, ""],
      ],
    ),
    `On the emulator ${code("hcsctl emulator base BASE")} makes the base layer of a Windows container; ${code("staging")} is for images that have no tar.`,
    "## Feature by feature",
    table(
      ["#", "containerv", "here", "offered", "shown by"],
      FEATURES.map(({ number, feature, ours, offered, note, tests }) => [
        String(number),
        feature,
        ours,
        note === undefined ? offered : `${offered}: ${note}`,
        [...new Set(tests.map((test) => code(test.split(": ")[0] ?? "")))].join(" "),
      ]),
    ),
    "## Security profiles",
    "Several are a union. Everything else is denied with EPERM; newer calls that programs only try are said not to exist.",
    table(
      ["profile", "groups of system calls", "what it is for"],
      PROFILES.map(({ name, groups, summary }) => [code(name), groups.join(", ") || "none", summary]),
    ),
    "## Variables",
    table(
      ["variable", "what it stands for"],
      [
        ...Object.entries(LCOW_VARIABLES).map(([option, variable]) => [
          code(variable),
          code(`lcow.${option}`),
        ]),
        [code(GUEST_OS_VARIABLE), `${code("os")}: linux or windows`],
        [code(LOG_VARIABLE), `${code("policy.log")}, when it is exactly 1`],
      ],
    ),
    "Options win over variables.",
    "## What is done differently on purpose",
    `- Later layers override earlier ones; a read-only directory of the host is read-only.
- A chain in which an ancestor is named twice is no error; a cycle is.
- Ids of user namespaces are not swapped; ${code("V|M")} in a rule means that the bits M have the value V.
- A static C library's program runs under ${code("minimal")}: ${code("readv")}, ${code("writev")} and their like are allowed unless ${code("compat")} is off.
- Nothing is tried again with less security, and no limit is set that nobody asked for.
- A policy's users and groups are those of the image, not of the host.
- Device nodes of an image are left out: containers have the devices that their runtime makes.`,
  );
}
