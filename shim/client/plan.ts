/** From a user's options to what an engine is to make: image, root file system, spec. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { JsonObject } from "../../oci/json.ts";
import type { Engine, EngineRootfs, NewContainer } from "./engine.ts";
import { ClientError } from "./errors.ts";
import type { ImageInfo } from "./images/image.ts";
import { CONTAINERV_LIMITS, linuxResources, windowsResources, type Limits } from "./options/limits.ts";
import type { ContainerOptions, GuestOs } from "./options/options.ts";
import { minimalLinuxSpec } from "./spec/linux.ts";
import { ociProcess } from "./spec/process.ts";
import { needsLookup, USER_FILES, type UserFiles } from "./spec/users.ts";
import { windowsSpec } from "./spec/windows.ts";

export interface PlanContext {
  readonly engine: Engine;
  /** Of this container, on the client's side. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly processors?: number;
  readonly warn: (warning: string) => void;
}

/** Labels by which the library knows its containers again. */
export const LABEL = {
  os: "runhcs.client/os",
  /** Anything: the container was made by this library. */
  client: "runhcs.client",
} as const;

const HOSTNAME_LENGTH = 12;

export async function planContainer(
  id: string,
  options: ContainerOptions,
  context: PlanContext,
): Promise<NewContainer> {
  const image = options.image === undefined ? undefined : await findImage(options.image, context.engine);
  const os = guestOs(options, image, context.environment);
  const rootfs = rootfsOf(options, image);
  const spec = await (os === "linux" ? linuxSpecOf : windowsSpecOf)(id, options, image, context);
  return {
    id,
    labels: { ...options.labels, [LABEL.client]: "1", [LABEL.os]: os },
    spec,
    rootfs,
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

function guestOs(
  options: ContainerOptions,
  image: ImageInfo | undefined,
  _environment: NodeJS.ProcessEnv,
): GuestOs {
  const ofImage = image?.configuration.os === "windows" ? "windows" : "linux";
  if (options.os !== undefined && image !== undefined && options.os !== ofImage)
    throw new ClientError(
      "InvalidArgument",
      `invalid os: image "${image.name}" is for ${ofImage} (found "${options.os}")`,
      {
        field: "os",
      },
    );
  return options.os ?? ofImage;
}

function rootfsOf(_options: ContainerOptions, image: ImageInfo | undefined): EngineRootfs {
  if (image !== undefined) return { kind: "image", image: image.name };
  throw new ClientError(
    "InvalidArgument",
    "cannot make a container without a root file system: give image or layers",
    {
      field: "image",
    },
  );
}

/** Where users of a Linux container are looked up. */
export async function userFilesOf(engine: Engine, image: string): Promise<UserFiles> {
  const files = await engine.images.readFiles(image, Object.values(USER_FILES));
  const text = (path: string): string => files.get(path)?.toString("utf8") ?? "";
  return { passwd: text(USER_FILES.passwd), group: text(USER_FILES.group) };
}

function limitsOf({ limits = {} }: ContainerOptions): Limits {
  return limits === "containerv" ? CONTAINERV_LIMITS : limits;
}

async function linuxSpecOf(
  id: string,
  options: ContainerOptions,
  image: ImageInfo | undefined,
  { processors = availableParallelism(), engine }: PlanContext,
): Promise<JsonObject> {
  const user = options.user ?? image?.configuration.config?.User ?? "";
  const process = ociProcess({
    ...options,
    os: "linux",
    image: image?.configuration.config,
    ...(needsLookup(user) && image !== undefined ? { userFiles: await userFilesOf(engine, image.name) } : {}),
  });
  return minimalLinuxSpec({
    hostname: options.hostname ?? id.slice(0, HOSTNAME_LENGTH),
    process,
    readonly: options.readonly ?? false,
    mounts: options.mounts ?? [],
    annotations: options.annotations ?? {},
    resources: linuxResources(limitsOf(options), processors),
    userNamespace: options.userNamespace,
  });
}

async function windowsSpecOf(
  id: string,
  options: ContainerOptions,
  image: ImageInfo | undefined,
  { processors = availableParallelism() }: PlanContext,
): Promise<JsonObject> {
  const process = ociProcess({ ...options, os: "windows", image: image?.configuration.config });
  return windowsSpec({
    hostname: options.hostname ?? id.slice(0, HOSTNAME_LENGTH),
    process,
    layerFolders: [],
    hypervisor: options.isolation === "hypervisor",
    mounts: options.mounts ?? [],
    annotations: options.annotations ?? {},
    resources: windowsResources(limitsOf(options), processors),
  });
}
