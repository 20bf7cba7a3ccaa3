/** Steps of a case as requests to the task service. */
import { stringifyJson } from "../../../hcs/json.ts";
import { packAny } from "../../../protos/any.ts";
import type { Any } from "../../../protos/gen/google.ts";
import { Options, OptionsDebugType, OptionsSandboxIsolation } from "../../../protos/gen/runhcs.ts";
import type { TaskMethods } from "../../../protos/gen/task-v2.ts";
import type { InputOf } from "../../../protos/types.ts";
import type { Json } from "../../../hcs/scripted/platform.ts";
import type { Step } from "./case.ts";

export interface TaskCall {
  readonly method: keyof TaskMethods;
  readonly request: Json;
}

type Request<Name extends keyof TaskMethods> = Partial<InputOf<TaskMethods[Name]>>;

/** Where the bundle of a task is. */
export function bundleOf(id: string): string {
  return `C:\\bundles\\${id}`;
}

const RESOURCE_TYPE: Readonly<Record<string, string>> = {
  windows: "types.containerd.io/opencontainers/runtime-spec/1/WindowsResources",
  linux: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources",
  mount: "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/ContainerMount",
};

const PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process";

/** Op of a step → its call. Ops that are no calls are missing. */
const CALLS: Readonly<Record<string, (step: Step) => TaskCall>> = {
  create: (step) =>
    call<"Create">("Create", {
      id: text(step, "id"),
      bundle: bundleOf(text(step, "id")),
      rootfs: (step["rootfs"] as Request<"Create">["rootfs"]) ?? [],
      options: runtimeOptions(step["options"] as Json | undefined),
      ...stdio(step),
    }),
  start: (step) => call<"Start">("Start", process(step)),
  exec: (step) =>
    call<"Exec">("Exec", {
      ...process(step),
      spec: jsonAny(PROCESS_TYPE, step["process"]),
      ...stdio(step),
    }),
  kill: (step) =>
    call<"Kill">("Kill", {
      ...process(step),
      signal: Number(step["signal"] ?? 0),
      all: step["all"] === true,
    }),
  delete: (step) => call<"Delete">("Delete", process(step)),
  wait: (step) => call<"Wait">("Wait", process(step)),
  state: (step) => call<"State">("State", process(step)),
  resize: (step) =>
    call<"ResizePty">("ResizePty", {
      ...process(step),
      width: Number(step["width"] ?? 0),
      height: Number(step["height"] ?? 0),
    }),
  closeio: (step) => call<"CloseIO">("CloseIO", { ...process(step), stdin: true }),
  update: (step) =>
    call<"Update">("Update", {
      id: text(step, "id"),
      resources: jsonAny(resourceType(step), step["resources"]),
      annotations: (step["annotations"] as Record<string, string> | undefined) ?? {},
    }),
  pids: (step) => call<"Pids">("Pids", { id: text(step, "id") }),
  stats: (step) => call<"Stats">("Stats", { id: text(step, "id") }),
  pause: (step) => call<"Pause">("Pause", { id: text(step, "id") }),
  resume: (step) => call<"Resume">("Resume", { id: text(step, "id") }),
};

/** @returns undefined when the step is no call */
export function taskCall(step: Step): TaskCall | undefined {
  return CALLS[step.op]?.(step);
}

function call<Name extends keyof TaskMethods>(method: Name, request: Request<Name>): TaskCall {
  return { method, request: request };
}

function text(step: Step, member: string): string {
  const value = step[member];
  return typeof value === "string" ? value : "";
}

function process(step: Step): { id: string; execId: string } {
  return { id: text(step, "id"), execId: text(step, "execId") };
}

function stdio(step: Step): { stdin: string; stdout: string; stderr: string; terminal: boolean } {
  return {
    stdin: text(step, "stdin"),
    stdout: text(step, "stdout"),
    stderr: text(step, "stderr"),
    terminal: step["terminal"] === true,
  };
}

function resourceType(step: Step): string {
  const name = text(step, "resourcesType");
  return RESOURCE_TYPE[name] ?? name;
}

function jsonAny(typeUrl: string, value: unknown): Any {
  return { typeUrl, value: Buffer.from(stringifyJson(value ?? {})) };
}

const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  debugType: OptionsDebugType,
  sandboxIsolation: OptionsSandboxIsolation,
};

/** JSON names of options that are not the names of the message's members. */
const NAMES: Readonly<Record<string, keyof Options>> = {
  gpuVhdPath: "GPUVHDPath",
  GPUVHDPath: "GPUVHDPath",
  ncproxyAddr: "NCProxyAddr",
  NCProxyAddr: "NCProxyAddr",
};

function runtimeOptions(options: Json | undefined): Any | undefined {
  return options === undefined ? undefined : packAny(Options, optionsMessage(options));
}

/** Runtime options from the JSON form of their message. */
export function optionsMessage(options: Json): Options {
  const known = Options.create();
  const members = Object.entries(options).map(([name, value]) => {
    const member = NAMES[name] ?? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!(member in known)) throw new Error(`the case has runtime option "${name}", which does not exist`);
    return [member, typeof value === "string" ? (ENUMS[member]?.[value] ?? value) : value];
  });
  return Options.create(Object.fromEntries(members) as Partial<Options>);
}
