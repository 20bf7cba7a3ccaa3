/**
 * A Kubernetes pod as the CRI plugin of containerd hands it over: one spec for its sandbox and one for each container,
 * with the annotations it writes itself. Only what a manifest says is there; what images and the kubelet add is not.
 */
import {
  isObject,
  optionalObject,
  optionalObjects,
  optionalString,
  optionalStrings,
  type JsonObject,
} from "../../../oci/json.ts";

export interface PodManifest {
  readonly name: string;
  readonly runtimeClass: string;
  readonly os: "windows" | "linux";
  readonly annotations: Readonly<Record<string, string>>;
  readonly tasks: readonly PlannedTask[];
}

export interface PlannedTask {
  readonly id: string;
  /** What the manifest calls it. */
  readonly title: string;
  readonly document: JsonObject;
}

/** Where pods are inside other objects. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** @returns undefined for an object that has no pod @throws {SpecError} for a member of the wrong type */
export function readPodManifest(document: JsonObject): PodManifest | undefined {
  const kind = document["kind"];
  const path = typeof kind === "string" ? TEMPLATES[kind] : undefined;
  if (path === undefined) return undefined;
  let pod: JsonObject = document;
  for (const member of path) pod = optionalObject(pod, member, "") ?? {};
  const metadata = optionalObject(pod, "metadata", "") ?? {};
  const outer = optionalObject(document, "metadata", "") ?? {};
  const name =
    optionalString(metadata, "name", "/metadata") ?? optionalString(outer, "name", "/metadata") ?? "pod";
  return readPod(name, metadata, optionalObject(pod, "spec", "") ?? {});
}

function readPod(name: string, metadata: JsonObject, spec: JsonObject): PodManifest {
  const annotations = texts(optionalObject(metadata, "annotations", "/metadata") ?? {});
  const context: PodContext = {
    name,
    namespace: optionalString(metadata, "namespace", "/metadata") ?? "default",
    annotations,
    os: osOf(spec),
    hostProcess: windowsOptions(spec)?.["hostProcess"] === true,
    spec,
  };
  const containers = [
    ...(optionalObjects(spec, "initContainers", "/spec") ?? []),
    ...(optionalObjects(spec, "containers", "/spec") ?? []),
  ];
  return {
    name,
    runtimeClass: optionalString(spec, "runtimeClassName", "/spec") ?? "",
    os: context.os,
    annotations,
    tasks: [sandboxTask(context), ...containers.map((container) => containerTask(context, container))],
  };
}

interface PodContext {
  readonly name: string;
  readonly namespace: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly os: "windows" | "linux";
  readonly hostProcess: boolean;
  readonly spec: JsonObject;
}

function osOf(spec: JsonObject): "windows" | "linux" {
  const os = optionalObject(spec, "os", "/spec")?.["name"];
  const selected = optionalObject(spec, "nodeSelector", "/spec")?.["kubernetes.io/os"];
  if (os === "windows" || os === "linux") return os;
  if (selected === "windows" || selected === "linux") return selected;
  return windowsOptions(spec) === undefined ? "linux" : "windows";
}

function windowsOptions(holder: JsonObject): JsonObject | undefined {
  const context = holder["securityContext"];
  const options = isObject(context) ? context["windowsOptions"] : undefined;
  return isObject(options) ? options : undefined;
}

/** What containerd writes on every task of a pod; its own keys win over the pod's. */
function criAnnotations(pod: PodContext, type: "sandbox" | "container"): Record<string, string> {
  return {
    ...pod.annotations,
    "io.kubernetes.cri.container-type": type,
    "io.kubernetes.cri.sandbox-id": pod.name,
    "io.kubernetes.cri.sandbox-name": pod.name,
    "io.kubernetes.cri.sandbox-namespace": pod.namespace,
    ...(pod.os === "windows" ? { "microsoft.com/hostprocess-container": String(pod.hostProcess) } : {}),
  };
}

function sandboxTask(pod: PodContext): PlannedTask {
  return {
    id: pod.name,
    title: "sandbox",
    document: {
      ociVersion: "1.1.0",
      process: {
        args: pod.os === "windows" ? ["c:\\windows\\system32\\cmd.exe"] : ["/pause"],
        cwd: cwdOf(pod),
      },
      root: {},
      hostname: optionalString(pod.spec, "hostname", "/spec") ?? pod.name,
      annotations: criAnnotations(pod, "sandbox"),
      ...platform(pod, {}),
    },
  };
}

function cwdOf({ os, hostProcess }: PodContext): string {
  return os === "linux" ? "/" : hostProcess ? "C:\\hpc" : "C:\\";
}

function containerTask(pod: PodContext, container: JsonObject): PlannedTask {
  const name = optionalString(container, "name", "/spec/containers") ?? "container";
  const at = `/spec/containers/${name}`;
  const user =
    windowsOptions(container)?.["runAsUserName"] ?? windowsOptions(pod.spec)?.["runAsUserName"] ?? "";
  const credential =
    windowsOptions(container)?.["gmsaCredentialSpec"] ?? windowsOptions(pod.spec)?.["gmsaCredentialSpec"];
  return {
    id: name === pod.name ? `${pod.name}-${name}` : name,
    title: `container "${name}"`,
    document: {
      ociVersion: "1.1.0",
      process: {
        args: [
          ...(optionalStrings(container, "command", at) ?? []),
          ...(optionalStrings(container, "args", at) ?? []),
        ],
        cwd: optionalString(container, "workingDir", at) ?? cwdOf(pod),
        env: environment(container, at),
        terminal: container["tty"] === true,
        user: { username: user },
      },
      root: {},
      mounts: mounts(pod, container, at),
      annotations: {
        ...criAnnotations(pod, "container"),
        "io.kubernetes.cri.container-name": name,
        ...(typeof container["image"] === "string"
          ? { "io.kubernetes.cri.image-name": container["image"] }
          : {}),
      },
      ...platform(pod, {
        resources: windowsResources(container, at),
        ...(typeof credential === "string" ? { credentialSpec: credential } : {}),
      }),
    },
  };
}

function platform({ os }: PodContext, windows: JsonObject): JsonObject {
  return os === "windows" ? { windows } : { linux: {} };
}

function environment(container: JsonObject, at: string): string[] {
  return (optionalObjects(container, "env", at) ?? []).map((variable) => {
    const name = optionalString(variable, "name", `${at}/env`) ?? "";
    const value = variable["value"];
    // Values from secrets and fields are known on a cluster only.
    return `${name}=${typeof value === "string" ? value : "<from the cluster>"}`;
  });
}

/** Volumes of the host are known; all others the kubelet makes below its own directory. */
function mounts(pod: PodContext, container: JsonObject, at: string): JsonObject[] {
  const volumes = optionalObjects(pod.spec, "volumes", "/spec") ?? [];
  const separator = pod.os === "windows" ? "\\" : "/";
  const kubelet =
    pod.os === "windows"
      ? "C:\\var\\lib\\kubelet\\pods\\<uid>\\volumes"
      : "/var/lib/kubelet/pods/<uid>/volumes";
  return (optionalObjects(container, "volumeMounts", at) ?? []).map((mount) => {
    const name = optionalString(mount, "name", `${at}/volumeMounts`) ?? "";
    const volume = volumes.find((candidate) => candidate["name"] === name) ?? {};
    const hostPath = optionalObject(volume, "hostPath", "/spec/volumes");
    const path = hostPath && optionalString(hostPath, "path", "/spec/volumes/hostPath");
    const subPath = optionalString(mount, "subPath", `${at}/volumeMounts`);
    const source = [path ?? [kubelet, name].join(separator), ...(subPath === undefined ? [] : [subPath])];
    return {
      destination: optionalString(mount, "mountPath", `${at}/volumeMounts`) ?? "",
      type: pod.os === "linux" ? "bind" : "",
      source: source.join(separator),
      options: ["rbind", "rprivate", mount["readOnly"] === true ? "ro" : "rw"],
    };
  });
}

/** The limits of a container as the kubelet writes them for Windows: processors as a share of the host, bytes. */
function windowsResources(container: JsonObject, at: string): JsonObject {
  const limits =
    optionalObject(optionalObject(container, "resources", at) ?? {}, "limits", `${at}/resources`) ?? {};
  const bytes = quantity(limits["memory"]);
  const processors = quantity(limits["cpu"]);
  return {
    ...(processors === undefined
      ? {}
      : { cpu: { maximum: Math.max(1, Math.round(processors * SHARE_OF_ONE)) } }),
    ...(bytes === undefined ? {} : { memory: { limit: Math.round(bytes) } }),
  };
}

/** Hundredths of a percent of one processor; on a host with more of them the kubelet divides by their number. */
const SHARE_OF_ONE = 10_000;

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** A Kubernetes quantity: `500m`, `1.5`, `512Mi`. */
function quantity(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  const match = typeof value === "string" ? /^([0-9.]+)([A-Za-z]*)$/.exec(value) : null;
  const unit = match === null ? undefined : UNITS[match[2] ?? ""];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

function texts(object: JsonObject): Record<string, string> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, String(value)]));
}
