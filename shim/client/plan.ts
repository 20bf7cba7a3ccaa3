/** From a user's options to what an engine is to make: image, root file system, network, spec. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { hostNetwork, hostProcess, inheritUser, rootfsLocation } from "../../oci/annotations/catalogue.ts";
import type { JsonObject } from "../../oci/json.ts";
import { vmProcessorLimit } from "../../oci/annotations/vm-processor.ts";
import { withPolicy } from "../../oci/policy/policy.ts";
import { ANNOTATION_PREFIX } from "../options/table.ts";
import type { Engine, EngineRootfs, NewContainer } from "./engine.ts";
import { ClientError } from "./errors.ts";
import { STAGING_FOLDER, STAGING_PATH } from "./files/staging-transport.ts";
import { readPlainFiles } from "./images/plain-files.ts";
import type { ImageInfo } from "./images/image.ts";
import { composeRootfs, type ComposedRootfs, type LayerSource } from "./layers/compose.ts";
import { GUEST_OS_VARIABLE, lcowAnnotations, lcowSettings } from "./options/lcow.ts";
import { CONTAINERV_LIMITS, linuxResources, windowsResources, type Limits } from "./options/limits.ts";
import type { ContainerOptions, GuestOs, HostMount, UserNamespace } from "./options/options.ts";
import { policyOf, securedLinuxProcess, securedWindowsUser } from "./options/security.ts";
import { minimalLinuxSpec } from "./spec/linux.ts";
import { ociProcess } from "./spec/process.ts";
import { lookupIn, needsLookup, USER_FILES, type UserFiles } from "./spec/users.ts";
import { windowsSpec } from "./spec/windows.ts";

export interface PlanContext {
  readonly engine: Engine;
  /** Of this container, on the client's side. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly processors?: number;
  readonly layerSource?: LayerSource;
  readonly warn: (warning: string) => void;
}

/** What is known before a network is made. */
export interface ContainerPlan {
  readonly os: GuestOs;
  /** Completed by the network that the container is to join: path or id of a namespace. */
  finish(networkNamespace: string | undefined): NewContainer;
}

/** Labels by which the library knows its containers again. */
export const LABEL = {
  os: "runhcs.client/os",
  /** Anything: the container was made by this library. */
  client: "runhcs.client",
} as const;

const HOSTNAME_LENGTH = 12;
/** Has the shim hand limits of processes to Linux guests. */
const KEEP_PIDS = `${ANNOTATION_PREFIX}lcow.keep_pids`;

/** Everything about one container that decisions depend on. */
interface Inputs {
  readonly id: string;
  readonly options: ContainerOptions;
  readonly context: PlanContext;
  readonly image: ImageInfo | undefined;
  readonly composed: ComposedRootfs | undefined;
  readonly os: GuestOs;
  /** Of its layers, its own, and the staging directory. */
  readonly mounts: readonly HostMount[];
}

export async function planContainer(
  id: string,
  options: ContainerOptions,
  context: PlanContext,
): Promise<ContainerPlan> {
  if ((options.image === undefined) === (options.layers === undefined))
    throw new ClientError(
      "InvalidArgument",
      "a container needs a root file system: give either image or layers",
      {
        field: "image",
      },
    );
  const image = options.image === undefined ? undefined : await findImage(options.image, context.engine);
  const os = guestOs(options, image, context.environment);
  checkOs(os, options);
  const { layers } = options;
  const composed =
    layers === undefined
      ? undefined
      : await composeRootfs({
          os,
          layers,
          directory: context.directory,
          ...(context.layerSource === undefined ? {} : { source: context.layerSource }),
        });
  const mounts = [
    ...(composed?.mounts ?? []),
    ...(options.staging === true ? [await stagingMount(os, context.directory)] : []),
    ...(options.mounts ?? []),
  ];
  const inputs: Inputs = { id, options, context, image, composed, os, mounts };
  const rootfs = rootfsOf(inputs);
  const specOf = os === "linux" ? await linuxSpecOf(inputs) : windowsSpecOf(inputs);
  return {
    os,
    finish: (networkNamespace) => ({
      id,
      labels: { ...imageLabels(image), ...options.labels, [LABEL.client]: "1", [LABEL.os]: os },
      spec: specOf(networkNamespace),
      rootfs,
    }),
  };
}

/** By name or digest, or out of an archive, which is imported. */
async function findImage(reference: string, engine: Engine): Promise<ImageInfo> {
  const known = await engine.images.find(reference);
  if (known !== undefined) return known;
  if (existsSync(reference)) {
    const [first] = await engine.images.import(reference);
    if (first !== undefined) return first;
  }
  throw new ClientError(
    "NotFound",
    `there is no image "${reference}" in ${engine.description}, and no archive of that name`,
    { image: reference },
  );
}

/** Longest key and value of a label together, which containerd holds to; CRI leaves longer ones of images out, too. */
const LABEL_CHARACTERS = 4096;

function imageLabels(image: ImageInfo | undefined): Readonly<Record<string, string>> {
  const labels = Object.entries(image?.configuration.config?.Labels ?? {});
  return Object.fromEntries(labels.filter(([key, value]) => key.length + value.length <= LABEL_CHARACTERS));
}

/** Options, then the image, then containerv's variable, then what its layers look like. */
function guestOs(
  { os, image: _image, layers = [] }: ContainerOptions,
  image: ImageInfo | undefined,
  environment: NodeJS.ProcessEnv,
): GuestOs {
  const ofImage = image && (image.configuration.os === "windows" ? "windows" : "linux");
  if (os !== undefined && ofImage !== undefined && os !== ofImage)
    throw new ClientError(
      "InvalidArgument",
      `invalid os: image "${image?.name}" is for ${ofImage} (found "${os}")`,
      {
        field: "os",
      },
    );
  if (os !== undefined) return os;
  if (ofImage !== undefined) return ofImage;
  const named = environment[GUEST_OS_VARIABLE] ?? "";
  if (named === "linux" || named === "windows") return named;
  if (named !== "")
    throw new ClientError(
      "InvalidArgument",
      `invalid ${GUEST_OS_VARIABLE}: must be linux or windows (found "${named}")`,
      {
        field: GUEST_OS_VARIABLE,
      },
    );
  const isWindows = layers.some((layer) => layer.type === "base" && existsSync(`${layer.path}/Files`));
  return isWindows ? "windows" : "linux";
}

async function stagingMount(os: GuestOs, directory: string): Promise<HostMount> {
  const source = join(directory, STAGING_FOLDER);
  await mkdir(source, { recursive: true, mode: 0o700 });
  return { source, target: STAGING_PATH[os] };
}

/** What one operating system has and the other has not. */
const LINUX_ONLY = ["capabilities", "userNamespace", "policy", "lcow"] as const;
const WINDOWS_ONLY = ["hostProcess"] as const;

function checkOs(os: GuestOs, options: ContainerOptions): void {
  for (const field of os === "linux" ? WINDOWS_ONLY : LINUX_ONLY) {
    if (options[field] === undefined) continue;
    throw refused(field, `is not for ${os} containers`, undefined);
  }
  if (os === "linux" && options.isolation === "process")
    throw refused(
      "isolation",
      "must be hypervisor for Linux containers: they run in a utility VM",
      "process",
    );
  if (os === "windows" && options.readonly === true)
    throw refused(
      "readonly",
      "must not be set for Windows containers: their root file system cannot be",
      true,
    );
  if (options.security === "strict" && options.hostProcess !== undefined)
    throw refused("hostProcess", 'must not be given with security "strict"', undefined);
}

function rootfsOf({ image, composed, options }: Inputs): EngineRootfs {
  if (composed !== undefined) return composed.rootfs;
  const { userNamespace } = options;
  return {
    kind: "image",
    image: image?.name ?? "",
    ...(userNamespace === undefined ? {} : { idMapping: shiftOf(userNamespace) }),
  };
}

/** Files of an image are owned by the namespace's root and up: outside they are shifted by where root is. */
function shiftOf({ uid, gid }: UserNamespace): { uid: number; gid: number } {
  const hostOf = (ranges: UserNamespace["uid"], field: string): number => {
    const root = ranges.find(({ container, size }) => container === 0 && size > 0);
    if (root !== undefined) return root.host;
    throw refused(`userNamespace.${field}`, "must map id 0 of the container", JSON.stringify(ranges));
  };
  return { uid: hostOf(uid, "uid"), gid: hostOf(gid, "gid") };
}

function limitsOf({ limits = {} }: ContainerOptions): Limits {
  return limits === "containerv" ? CONTAINERV_LIMITS : limits;
}

type SpecOf = (networkNamespace: string | undefined) => JsonObject;

async function linuxSpecOf(inputs: Inputs): Promise<SpecOf> {
  const { id, options, image, composed, context } = inputs;
  const { processors = availableParallelism(), environment, warn } = context;
  const { security = "default", network = "none" } = options;
  const config = image?.configuration.config;
  const user = options.user ?? config?.User ?? "";
  const files = needsLookup(user) || options.policy !== undefined ? await userFiles(inputs) : undefined;
  const process = securedLinuxProcess(
    ociProcess({
      ...options,
      os: "linux",
      image: config,
      ...(files === undefined ? {} : { userFiles: files }),
    }),
    security,
  );
  const limits = limitsOf(options);
  const policy = policyOf(options, environment, lookupIn(files));
  for (const warning of policy?.warnings ?? []) warn(warning);
  if (policy !== undefined && (options.policy?.addPaths ?? []).length > 0)
    warn("paths of the security policy are not enforced: guests have no means for it");
  const lcow = await lcowAnnotations(lcowSettings(options.lcow, environment), context.directory);
  return (networkNamespace) => {
    const spec = minimalLinuxSpec({
      hostname: options.hostname ?? id.slice(0, HOSTNAME_LENGTH),
      process,
      readonly: options.readonly ?? composed?.readonly ?? security === "strict",
      mounts: inputs.mounts,
      annotations: {
        ...lcow,
        ...(network === "host" ? { [hostNetwork.key]: "true" } : {}),
        ...(limits.processes === undefined ? {} : { [KEEP_PIDS]: "true" }),
        ...options.annotations,
      },
      resources: linuxResources(limits, processors),
      network: networkNamespace === undefined ? network !== "host" : { path: networkNamespace },
      userNamespace: options.userNamespace,
    });
    return policy === undefined ? spec : withPolicy(spec, policy);
  };
}

function windowsSpecOf(inputs: Inputs): SpecOf {
  const { id, options, image, composed, context } = inputs;
  const { processors = availableParallelism(), warn } = context;
  const { security = "default", hostProcess: host } = options;
  const config = image?.configuration.config;
  const user = securedWindowsUser(options.user ?? config?.User, security);
  const process = ociProcess({
    ...options,
    os: "windows",
    image: config,
    ...(user === undefined ? {} : { user }),
  });
  const limits = limitsOf(options);
  if (limits.processes !== undefined) warn("limits.processes is not enforced: HCS has no limit of processes");
  const resources = windowsResources(limits, processors);
  return (networkNamespace) =>
    windowsSpec({
      hostname: options.hostname ?? id.slice(0, HOSTNAME_LENGTH),
      process,
      layerFolders: composed?.layerFolders ?? [],
      hypervisor: options.isolation === "hypervisor",
      mounts: inputs.mounts,
      annotations: {
        ...(host === undefined ? {} : { [hostProcess.key]: "true" }),
        ...(host?.inheritUser === true ? { [inheritUser.key]: "true" } : {}),
        ...(host?.rootfsLocation === undefined ? {} : { [rootfsLocation.key]: host.rootfsLocation }),
        ...(options.isolation === "hypervisor" ? vmProcessorCap(resources) : {}),
        ...options.annotations,
      },
      resources,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    });
}

/** A container's VM would take its cap for its own, which it has in units ten times smaller. */
function vmProcessorCap(resources: JsonObject | undefined): Record<string, string> {
  const { maximum } = (resources?.["cpu"] ?? {}) as { readonly maximum?: number };
  return maximum === undefined ? {} : { [vmProcessorLimit.key]: String(maximum * 10) };
}

/** Where users of a Linux container are looked up. */
async function userFiles({ image, composed, context }: Inputs): Promise<UserFiles> {
  if (image !== undefined) return userFilesOf(context.engine, image.name);
  return userFilesIn(await readPlainFiles(composed?.base ?? "", Object.values(USER_FILES)));
}

export async function userFilesOf(engine: Engine, image: string): Promise<UserFiles> {
  return userFilesIn(await engine.images.readFiles(image, Object.values(USER_FILES)));
}

function userFilesIn(files: ReadonlyMap<string, Buffer>): UserFiles {
  const text = (path: string): string => files.get(path)?.toString("utf8") ?? "";
  return { passwd: text(USER_FILES.passwd), group: text(USER_FILES.group) };
}

function refused(field: string, rule: string, value: unknown): ClientError {
  const found = value === undefined ? "" : ` (found ${JSON.stringify(value)})`;
  return new ClientError("InvalidArgument", `invalid ${field}: ${rule}${found}`, { field, value });
}
