/** Flags that describe a container or a process: one table for `run` and `create`, one for `exec` and `spawn`. */
import { JSON_FLAG, type Flag } from "../command.ts";
import { ENGINE_FLAGS } from "./engine-flags.ts";

const PROCESS_FLAGS: readonly Flag[] = [
  {
    name: "env",
    short: "e",
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    description: "environment variable",
  },
  { name: "workdir", short: "w", type: "string", value: "DIR", description: "working directory" },
  {
    name: "user",
    short: "u",
    type: "string",
    value: "USER",
    description: "name, name:group, uid or uid:gid; an account on Windows",
  },
  { name: "tty", short: "t", type: "boolean", description: "give the process a terminal" },
  { name: "interactive", short: "i", type: "boolean", description: "hand standard input over" },
];

export const CREATE_FLAGS: readonly Flag[] = [
  {
    name: "image",
    type: "string",
    value: "REF|PATH",
    description: "an image of the engine, or an OCI archive",
  },
  {
    name: "layers",
    type: "string",
    value: "DIR",
    description: "root file system: a directory, on Windows a windowsfilter folder with its chain",
  },
  { name: "name", type: "string", value: "ID", description: "id of the container (default: made up)" },
  {
    name: "os",
    type: "string",
    value: "OS",
    description: "linux or windows (default: that of the image or layers)",
  },
  {
    name: "isolation",
    type: "string",
    value: "KIND",
    description: "process or hyperv, for Windows containers",
  },
  ...PROCESS_FLAGS,
  {
    name: "volume",
    short: "v",
    type: "string",
    multiple: true,
    value: "SOURCE:TARGET[:ro]",
    description: "directory, file or named pipe of the host",
  },
  {
    name: "staging",
    type: "boolean",
    description: "share a directory by which hcsctl cp reaches images that have no tar",
  },
  { name: "read-only", type: "boolean", description: "the root file system cannot be changed" },
  { name: "hostname", type: "string", value: "NAME", description: "the container's host name" },
  {
    name: "label",
    short: "l",
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    description: "label of the container",
  },
  {
    name: "annotation",
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    description: "annotation of the OCI spec",
  },
  { name: "memory", short: "m", type: "string", value: "SIZE", description: "limit of memory, such as 512M" },
  { name: "cpus", type: "string", value: "N", description: "limit of processor time, such as 1.5" },
  {
    name: "cpu-weight",
    type: "string",
    value: "N",
    description: "share of the processors, 1 to 10000 (everybody has 100)",
  },
  { name: "pids", type: "string", value: "N", description: "limit of processes" },
  {
    name: "cap",
    type: "string",
    multiple: true,
    value: "NAME",
    description: "capability, or one of containerv, all, none (default containerv)",
  },
  {
    name: "policy",
    type: "string",
    value: "NAMES",
    description: "security policy: profiles joined by commas, see hcsctl policy ls",
  },
  {
    name: "policy-syscall",
    type: "string",
    multiple: true,
    value: "RULE",
    description: "system call added to the policy, or denied with ! in front",
  },
  { name: "policy-log", type: "boolean", description: "log what the policy denies instead of denying it" },
  { name: "security", type: "string", value: "LEVEL", description: "default, restricted or strict" },
  {
    name: "network",
    type: "string",
    value: "SWITCH|host|none",
    description: "network by the name of its switch (default none)",
  },
  { name: "ip", type: "string", value: "ADDRESS[/LENGTH]", description: "static address in that network" },
  {
    name: "gateway",
    type: "string",
    value: "ADDRESS",
    description: "gateway (default: the host's address in the network)",
  },
  { name: "dns", type: "string", value: "ADDRESSES", description: "name servers, separated by commas" },
  {
    name: "publish",
    short: "p",
    type: "string",
    multiple: true,
    value: "HOST:CONTAINER[/udp]",
    description: "port of the host that leads into the container",
  },
  { name: "host-process", type: "boolean", description: "a HostProcess container" },
  {
    name: "rootfs-location",
    type: "string",
    value: "PATH",
    description: "where the files of a HostProcess container appear",
  },
  {
    name: "inherit-user",
    type: "boolean",
    description: "a HostProcess container runs as the shim's own account",
  },
  {
    name: "uidmap",
    type: "string",
    multiple: true,
    value: "CONTAINER:HOST:SIZE",
    description: "user ids of a user namespace",
  },
  {
    name: "gidmap",
    type: "string",
    multiple: true,
    value: "CONTAINER:HOST:SIZE",
    description: "group ids of it (default: as --uidmap)",
  },
];

export const RUN_FLAGS: readonly Flag[] = [
  {
    name: "detach",
    short: "d",
    type: "boolean",
    description: "print the id and leave it running; its output goes to hcsctl logs",
  },
  { name: "rm", type: "boolean", description: "remove the container when it has ended" },
];

export const MAP_FLAG: Flag = {
  name: "map",
  type: "string",
  multiple: true,
  value: "HOST=CONTAINER",
  description: "a directory of this host and where the container has it: working directories follow",
};

export const EXEC_FLAGS: readonly Flag[] = [...PROCESS_FLAGS, MAP_FLAG, ...ENGINE_FLAGS];
export const LIST_FLAGS: readonly Flag[] = [...ENGINE_FLAGS, JSON_FLAG];
