/** The process of an OCI spec: what the user says on top of what the image does. */
import type { JsonObject } from "../../../oci/json.ts";
import { ClientError } from "../errors.ts";
import type { ImageConfiguration } from "../images/image.ts";
import { linuxCapabilities, type Capabilities } from "../options/capabilities.ts";
import type { GuestOs, ProcessOptions } from "../options/options.ts";
import { DEFAULT_PATH } from "./linux.ts";
import { userIds, type UserFiles } from "./users.ts";

export interface ProcessInit extends ProcessOptions {
  readonly os: GuestOs;
  readonly image?: ImageConfiguration["config"] | undefined;
  readonly capabilities?: Capabilities;
  readonly noNewPrivileges?: boolean;
  /** Files in which a Linux user is looked up. */
  readonly userFiles?: UserFiles;
}

/** @throws {ClientError} InvalidArgument when there is no program to run */
export function ociProcess(init: ProcessInit): JsonObject {
  const { os, image, terminal = false, user = image?.User ?? "" } = init;
  const args = init.args ?? [...(image?.Entrypoint ?? []), ...(image?.Cmd ?? [])];
  if (args.length === 0 || args[0] === "")
    throw new ClientError("InvalidArgument", "cannot run a container without a program: give args", {
      field: "args",
    });
  const cwd = init.cwd ?? (image?.WorkingDir || (os === "windows" ? "C:\\" : "/"));
  return {
    terminal,
    user: os === "windows" ? windowsUser(user) : linuxUser(user, init),
    args: [...args],
    env: environment(os, image?.Env ?? [], init.env ?? {}),
    cwd,
    ...(os === "linux" ? linuxOnly(init) : {}),
  };
}

function linuxOnly({ capabilities = "containerv", noNewPrivileges }: ProcessInit): JsonObject {
  return {
    capabilities: linuxCapabilities(capabilities),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
  };
}

/** Later ones override earlier ones; on Windows names have no case. */
function environment(
  os: GuestOs,
  ofImage: readonly string[],
  own: Readonly<Record<string, string>>,
): string[] {
  const variables = new Map<string, string>();
  const key = (name: string): string => (os === "windows" ? name.toUpperCase() : name);
  if (os === "linux") variables.set("PATH", `PATH=${DEFAULT_PATH}`);
  for (const entry of ofImage) variables.set(key(entry.split("=", 1)[0] ?? ""), entry);
  for (const [name, value] of Object.entries(own)) {
    if (name === "" || /[=\0]/.test(name) || value.includes("\0"))
      throw new ClientError("InvalidArgument", `invalid env: "${name}" cannot be an environment variable`, {
        field: "env",
      });
    variables.set(key(name), `${name}=${value}`);
  }
  return [...variables.values()];
}

function linuxUser(user: string, { userFiles = NO_FILES }: ProcessInit): JsonObject {
  const { uid, gid, additionalGids } = userIds(user, userFiles);
  return { uid, gid, ...(additionalGids.length === 0 ? {} : { additionalGids: [...additionalGids] }) };
}

const NO_FILES: UserFiles = { passwd: "", group: "" };

function windowsUser(user: string): JsonObject {
  return user === "" ? {} : { username: user };
}
