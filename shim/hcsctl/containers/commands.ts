/** The verbs for containers, as data; what one does is loaded when it is chosen. */
import { JSON_FLAG, type Command, type Flag } from "../command.ts";
import { AGENT_EXEC_FLAGS, AGENT_HELP, BUNDLE_FLAG, COPY_HELP, needsAgent } from "../agent/flags.ts";
import { ENGINE_FLAGS } from "./engine-flags.ts";
import { CREATE_FLAGS, EXEC_FLAGS, LIST_FLAGS, MAP_FLAG, RUN_FLAGS } from "./flags.ts";

const CODES = `Exits with the code of the process; 125 when it could not be run, 126 when the program cannot be executed, 127 when
there is none.`;

const ALL_FLAG: Flag = { name: "all", short: "a", type: "boolean", description: "not only those that run" };
const SIGNAL_FLAG: Flag = {
  name: "signal",
  short: "s",
  type: "string",
  value: "NAME",
  default: "SIGTERM",
  description: "its name or number; CTRL-C and the like for Windows",
};

export const CONTAINER_COMMANDS: readonly Command[] = [
  {
    name: "run",
    usage: "hcsctl run (--image REF|PATH | --layers DIR) [FLAGS] [-- COMMAND [ARGUMENTS]]",
    summary: "run a program in a new container",
    help: `Without a command the image's own runs. ${CODES}`,
    flags: [...CREATE_FLAGS, ...RUN_FLAGS, ...ENGINE_FLAGS],
    arity: [0, Infinity],
    run: async (context) => (await import("./run.ts")).run(context),
  },
  {
    name: "create",
    usage: "hcsctl create (--image REF|PATH | --layers DIR) [FLAGS] [-- COMMAND [ARGUMENTS]]",
    summary: "make a container that hcsctl start will start",
    flags: [...CREATE_FLAGS, ...ENGINE_FLAGS],
    arity: [0, Infinity],
    run: async (context) => (await import("./run.ts")).create(context),
  },
  {
    name: "start",
    usage: "hcsctl start ID [--attach]",
    summary: "start a container, also one that has ended",
    flags: [
      { name: "attach", short: "a", type: "boolean", description: "show its output, and exit with its code" },
      {
        name: "interactive",
        short: "i",
        type: "boolean",
        description: "hand standard input over (with --attach)",
      },
      ...ENGINE_FLAGS,
    ],
    arity: [1, 1],
    run: async (context) => (await import("./run.ts")).start(context),
  },
  {
    name: "exec",
    usage: "hcsctl exec ID [FLAGS] [--in DIR] [--out GLOB] -- COMMAND [ARGUMENTS]",
    summary: "run a further program in a container, with the streams of this terminal",
    help: `${CODES}\n\n${AGENT_HELP}`,
    flags: [...EXEC_FLAGS, ...AGENT_EXEC_FLAGS],
    arity: [2, Infinity],
    run: async (context) =>
      needsAgent(context)
        ? (await import("../agent/exec.ts")).runAgentExec(context)
        : (await import("./run.ts")).exec(context),
  },
  {
    name: "spawn",
    usage: "hcsctl spawn ID [FLAGS] [--wait] -- COMMAND [ARGUMENTS]",
    summary: "start a further program in a container and leave it running; its output goes to hcsctl logs",
    flags: [
      { name: "wait", type: "boolean", description: "wait for its end, and exit with its code" },
      ...EXEC_FLAGS,
    ],
    arity: [2, Infinity],
    run: async (context) => (await import("./run.ts")).spawn(context),
  },
  {
    name: "ps",
    usage: "hcsctl ps [--all] [--json]",
    summary: "list containers",
    flags: [ALL_FLAG, ...LIST_FLAGS],
    arity: [0, 0],
    run: async (context) => (await import("./look.ts")).ps(context),
  },
  {
    name: "top",
    usage: "hcsctl top ID [--json]",
    summary: "list the processes of a container",
    flags: LIST_FLAGS,
    arity: [1, 1],
    run: async (context) => (await import("./look.ts")).top(context),
  },
  {
    name: "logs",
    usage: "hcsctl logs ID [--follow]",
    summary: "show the output of a container that was left running",
    flags: [{ name: "follow", short: "f", type: "boolean", description: "until it ends" }, ...ENGINE_FLAGS],
    arity: [1, 1],
    run: async (context) => (await import("./look.ts")).logs(context),
  },
  {
    name: "inspect",
    usage: "hcsctl inspect ID",
    summary: "show a container and its OCI spec, as JSON",
    flags: [...ENGINE_FLAGS, JSON_FLAG],
    arity: [1, 1],
    run: async (context) => (await import("./look.ts")).inspect(context),
  },
  {
    name: "cp",
    usage: "hcsctl cp SOURCE TARGET [--recursive], one of them ID:PATH",
    summary: "copy files into a container, or out of it",
    help: `A target that ends with a slash is a directory: the source keeps its name there. Files go through a tar program in the
container; where the container has an agent, over that.

${COPY_HELP}`,
    flags: [
      { name: "recursive", short: "r", type: "boolean", description: "directories with all they hold" },
      { name: "mkdirs", type: "boolean", description: "make missing parent directories" },
      BUNDLE_FLAG,
      ...ENGINE_FLAGS,
    ],
    arity: [2, 2],
    run: async (context) => (await import("./cp.ts")).cp(context),
  },
  {
    name: "stop",
    usage: "hcsctl stop ID… [--time SECONDS] [--signal NAME]",
    summary: "ask containers to end, and kill those that do not",
    flags: [
      {
        name: "time",
        short: "t",
        type: "string",
        value: "SECONDS",
        default: "10",
        description: "how long they may take",
      },
      SIGNAL_FLAG,
      ...ENGINE_FLAGS,
    ],
    arity: [1, Infinity],
    run: async (context) => (await import("./end.ts")).stop(context),
  },
  {
    name: "kill",
    usage: "hcsctl kill ID… [--signal NAME] [--all]",
    summary: "send a signal to containers",
    flags: [
      { ...SIGNAL_FLAG, default: "SIGKILL" },
      { name: "all", short: "a", type: "boolean", description: "to all of their processes" },
      ...ENGINE_FLAGS,
    ],
    arity: [1, Infinity],
    run: async (context) => (await import("./end.ts")).kill(context),
  },
  {
    name: "rm",
    usage: "hcsctl rm ID… [--force]",
    summary: "remove containers with all they have",
    flags: [
      { name: "force", short: "f", type: "boolean", description: "also those that run" },
      ...ENGINE_FLAGS,
    ],
    arity: [1, Infinity],
    run: async (context) => (await import("./end.ts")).rm(context),
  },
  {
    name: "wrap",
    usage: "hcsctl wrap ID NAME=PROGRAM… --out DIR [--map HOST=CONTAINER] [--cmd]",
    summary: "write scripts that run programs of a container as if they were on this host",
    flags: [
      { name: "out", type: "string", value: "DIR", default: ".", description: "where the scripts go" },
      MAP_FLAG,
      { name: "cmd", type: "boolean", description: "scripts for cmd.exe" },
    ],
    arity: [2, Infinity],
    run: async (context) => (await import("./wrap.ts")).wrap(context),
  },
  {
    name: "image ls",
    usage: "hcsctl image ls [--json]",
    summary: "list the images that containers can be made of",
    flags: LIST_FLAGS,
    arity: [0, 0],
    run: async (context) => (await import("./images.ts")).ls(context),
  },
  {
    name: "image rm",
    usage: "hcsctl image rm REF…",
    summary: "remove images; containers made of them keep what they need",
    flags: ENGINE_FLAGS,
    arity: [1, Infinity],
    run: async (context) => (await import("./images.ts")).rm(context),
  },
  {
    name: "image prune",
    usage: "hcsctl image prune",
    summary: "remove images that hcsctl has imported and no container is made of",
    flags: ENGINE_FLAGS,
    arity: [0, 0],
    run: async (context) => (await import("./images.ts")).prune(context),
  },
  {
    name: "network ls",
    usage: "hcsctl network ls [--json]",
    summary: "list the networks that containers can join by the name of a switch",
    flags: [JSON_FLAG],
    arity: [0, 0],
    run: async (context) => (await import("./networks.ts")).ls(context),
  },
  {
    name: "network select",
    usage: "hcsctl network select [SWITCH] [--require-match] [--json]",
    summary: "show which network a container would join, and why",
    flags: [
      { name: "require-match", type: "boolean", description: "refuse a network of another name" },
      JSON_FLAG,
    ],
    arity: [0, 1],
    run: async (context) => (await import("./networks.ts")).select(context),
  },
  {
    name: "policy ls",
    usage: "hcsctl policy ls [--json]",
    summary: "list the profiles of which security policies are made",
    flags: [JSON_FLAG],
    arity: [0, 0],
    run: async (context) => (await import("./policies.ts")).ls(context),
  },
  {
    name: "policy show",
    usage:
      "hcsctl policy show PROFILE… [--no-compat] [--no-spawn] [--no-sockets] [--log] [--add RULE] [--json]",
    summary: "show what a security policy allows; --json prints linux.seccomp of an OCI spec",
    help: `A rule is a system call with conditions on its arguments: "name arg0 arg1 …", each of them - for any, a number, !N, >N,
>=N, <N, <=N, |MASK (all bits are set), VALUE|MASK (the bits have this value). "!name" denies the call.
Any pod has a policy by annotation io.containerd.runhcs.security.policy=PROFILE,PROFILE.`,
    flags: [
      { name: "no-compat", type: "boolean", description: "without what ordinary C libraries need besides" },
      { name: "no-spawn", type: "boolean", description: "threads alone, no processes" },
      { name: "no-sockets", type: "boolean", description: "no sockets, not even as a client" },
      { name: "log", type: "boolean", description: "allow and log what would be denied" },
      { name: "add", type: "string", multiple: true, value: "RULE", description: "a rule more" },
      JSON_FLAG,
    ],
    arity: [1, Infinity],
    run: async (context) => (await import("./policies.ts")).show(context),
  },
];
