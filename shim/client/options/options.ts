/** What a container is to be like, in the words of a user: the same for Linux and Windows. */
import type { Capabilities } from "./capabilities.ts";
import type { LcowOptions } from "./lcow.ts";
import type { Limits } from "./limits.ts";
import type { PolicyChoice, SecurityLevel } from "./security.ts";

export type GuestOs = "linux" | "windows";

export interface ContainerOptions extends ProcessOptions {
  /** Letters, digits and `. _ -` between them, at most 76; made up when absent. */
  readonly id?: string;
  /** That of the image or of the layers, unless said otherwise. */
  readonly os?: GuestOs;
  /** `hypervisor` always for Linux containers; Windows containers are isolated as processes unless said otherwise. */
  readonly isolation?: "process" | "hypervisor";

  /** Name or digest of an image that the engine has, or path of an OCI archive or layout. */
  readonly image?: string;
  /**
   * What the root file system is composed of, instead of an image: a base and what comes on top of it. Later layers override
   * earlier ones.
   */
  readonly layers?: readonly Layer[];
  /** The root file system cannot be changed. Linux only. */
  readonly readonly?: boolean;
  /** Directories and files of the host. */
  readonly mounts?: readonly HostMount[];
  /** A directory that host and container share, by which files are copied where the image has no tar. */
  readonly staging?: boolean;

  /** The first 12 characters of the id when absent. */
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the spec: what the shim's documentation calls annotations. */
  readonly annotations?: Readonly<Record<string, string>>;

  /** `containerv` unless said otherwise. Linux only. */
  readonly capabilities?: Capabilities;
  /** A user namespace. Linux only. */
  readonly userNamespace?: UserNamespace;
  /** None unless given; `containerv` for those it gives every container. */
  readonly limits?: Limits | "containerv";
  readonly policy?: PolicyChoice;
  /** `default` unless said otherwise. */
  readonly security?: SecurityLevel;
  /** None but a loopback of its own unless said otherwise; `host`: that of the VM, or of the host. */
  readonly network?: "none" | "host" | NetworkOptions;
  /** The VM of a Linux container. */
  readonly lcow?: LcowOptions;
  /** A HostProcess container. Windows only. */
  readonly hostProcess?: HostProcessOptions;
}

export interface HostProcessOptions {
  /** Where its files appear; `C:\\hpc`. */
  readonly rootfsLocation?: string;
  /** The shim's own account. */
  readonly inheritUser?: boolean;
}

/** A network of the host, and static settings in it. */
export interface NetworkOptions {
  /** Name of a switch or network; the platform's default one when absent. */
  readonly switchName?: string;
  /** Refuses to take a network of another name. */
  readonly requireMatch?: boolean;
  readonly ip?: string;
  /** A mask, or the length of a prefix; that of the network's subnet when absent. */
  readonly netmask?: string;
  readonly gateway?: string;
  /** Name servers, separated by blanks, commas or semicolons. */
  readonly dns?: string;
  /** `hostPort:containerPort[/tcp|udp]`, separated by commas. */
  readonly ports?: string;
  /** `best-effort`: without a network when it cannot be had, and a warning. */
  readonly policy?: "required" | "best-effort";
}

/** A process: the container's own, or a further one. */
export interface ProcessOptions {
  /** Program and arguments; those of the image when absent. */
  readonly args?: readonly string[];
  /** Added to those of the image. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** `name`, `name:group`, `uid`, `uid:gid`; on Windows an account. */
  readonly user?: string;
  readonly terminal?: boolean;
}

export type Layer =
  /** A root file system: a directory with one, or on Windows a `windowsfilter` folder with its chain. */
  | { readonly type: "base"; readonly path: string }
  /** A package, unpacked by a {@link LayerSource} of the client, by default any tar archive. */
  | { readonly type: "package"; readonly path: string }
  /** A directory of the host, seen at `target`. */
  | {
      readonly type: "directory";
      readonly source: string;
      readonly target: string;
      readonly readonly?: boolean;
    }
  /** Makes the root file system writable, in a layer of the container's own. */
  | { readonly type: "overlay" };

export interface HostMount {
  /** Path on the host. For Windows containers also a named pipe, `\\.\pipe\<name>`, with a target of the same form. */
  readonly source: string;
  /** Path in the container. */
  readonly target: string;
  readonly readonly?: boolean;
}

export interface UserNamespace {
  readonly uid: readonly IdRange[];
  readonly gid: readonly IdRange[];
}

/** `size` ids from `container` on, inside, are those from `host` on, outside. */
export interface IdRange {
  readonly container: number;
  readonly host: number;
  readonly size: number;
}
