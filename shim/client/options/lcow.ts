/**
 * Where the utility VM of Linux containers boots from: options, or the variables that containerv's users have set. A guest
 * knows boot files by their standard names, so files of other names get a directory in which they have those.
 */
import { copyFile, link, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { kernelBootOptions, vmBootFiles } from "../../../oci/annotations/catalogue.ts";
import { ClientError } from "../errors.ts";

export interface LcowOptions {
  /** Directory of the VM's boot files. */
  readonly imagePath?: string;
  /** Name of a file in it; `kernel`. */
  readonly kernelFile?: string;
  /** Name of a file in it; `initrd.img`. */
  readonly initrdFile?: string;
  /** Added to the kernel's command line. */
  readonly bootParameters?: string;
}

/** Variables by option. */
export const LCOW_VARIABLES: Readonly<Record<keyof LcowOptions, string>> = {
  imagePath: "CHEF_LCOW_UVM_IMAGE_PATH",
  kernelFile: "CHEF_LCOW_KERNEL_FILE",
  initrdFile: "CHEF_LCOW_INITRD_FILE",
  bootParameters: "CHEF_LCOW_BOOT_PARAMETERS",
};

/** `linux` or `windows`: which containers are meant when nobody says so. */
export const GUEST_OS_VARIABLE = "CHEF_WINDOWS_CONTAINER_TYPE";

const STANDARD_NAMES: Readonly<Record<"kernelFile" | "initrdFile", readonly [string, ...string[]]>> = {
  kernelFile: ["kernel", "vmlinux"],
  initrdFile: ["initrd.img", "rootfs.vhd"],
};

/** Options first, the environment for what they do not say. */
export function lcowSettings(options: LcowOptions = {}, environment: NodeJS.ProcessEnv = {}): LcowOptions {
  const given = (Object.keys(LCOW_VARIABLES) as (keyof LcowOptions)[]).flatMap((name) => {
    const value = options[name] ?? (environment[LCOW_VARIABLES[name]] || undefined);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

/**
 * The annotations that have the shim follow the settings.
 *
 * @param directory where a view of the boot files is made, when their names are not the standard ones
 * @throws {ClientError} FailedPrecondition for names without a directory, NotFound for files that are not there
 */
export async function lcowAnnotations(
  settings: LcowOptions,
  directory: string,
): Promise<Record<string, string>> {
  const { imagePath, bootParameters } = settings;
  const files = (["kernelFile", "initrdFile"] as const).flatMap((option) =>
    settings[option] === undefined ? [] : [{ option, name: settings[option] }],
  );
  if (imagePath === undefined && files.length > 0)
    throw new ClientError(
      "FailedPrecondition",
      `cannot use boot files by name without their directory: give lcow.imagePath or set ${LCOW_VARIABLES.imagePath}`,
      { field: "lcow.imagePath" },
    );
  for (const { option, name } of files) requirePlainName(option, name);
  const boot = imagePath === undefined ? undefined : await bootDirectory(imagePath, files, directory);
  return {
    ...(boot === undefined ? {} : { [vmBootFiles.key]: boot }),
    ...(bootParameters === undefined ? {} : { [kernelBootOptions.key]: bootParameters }),
  };
}

type NamedFile = { readonly option: "kernelFile" | "initrdFile"; readonly name: string };

async function bootDirectory(
  imagePath: string,
  files: readonly NamedFile[],
  directory: string,
): Promise<string> {
  if ((await stat(imagePath).catch(() => undefined))?.isDirectory() !== true)
    throw new ClientError(
      "NotFound",
      `there is no directory "${imagePath}" with the boot files of Linux VMs`,
      {
        path: imagePath,
      },
    );
  for (const { name } of files) {
    if ((await stat(join(imagePath, name)).catch(() => undefined))?.isFile() !== true)
      throw new ClientError("NotFound", `there is no boot file "${name}" in "${imagePath}"`, {
        path: join(imagePath, name),
      });
  }
  if (files.every(({ option, name }) => STANDARD_NAMES[option].includes(name))) return imagePath;
  const view = join(directory, "boot");
  await mkdir(view, { recursive: true });
  for (const option of ["kernelFile", "initrdFile"] as const) {
    const named = files.find((file) => file.option === option)?.name ?? STANDARD_NAMES[option][0];
    await linkOrCopy(join(imagePath, named), join(view, STANDARD_NAMES[option][0]));
  }
  return view;
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  await link(source, target).catch((error: NodeJS.ErrnoException) => {
    // Another file system, or one without links.
    if (error.code === "EXDEV" || error.code === "EPERM") return copyFile(source, target);
    throw error;
  });
}

function requirePlainName(option: string, name: string): void {
  if (name !== "" && name !== "." && name !== ".." && !/[\\/\0]/.test(name)) return;
  throw new ClientError(
    "InvalidArgument",
    `invalid lcow.${option}: must be the name of a file, without folders (found "${name}")`,
    {
      field: `lcow.${option}`,
      value: name,
    },
  );
}
