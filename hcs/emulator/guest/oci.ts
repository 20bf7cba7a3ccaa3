/**
 * The members of an OCI runtime spec that the guest reads or changes (opencontainers/runtime-spec, config.md).
 * All others pass through untouched. Numbers of 64 bits may be `bigint` (`json.ts`).
 */

export interface OciSpec {
  hostname?: string;
  root?: { path?: string; readonly?: boolean };
  process?: OciProcess;
  mounts?: OciMount[];
  annotations?: Record<string, string>;
  linux?: OciLinux;
  windows?: OciWindows;
}

export interface OciProcess {
  terminal?: boolean;
  user?: OciUser;
  args?: string[];
  env?: string[];
  cwd?: string;
  rlimits?: OciRlimit[];
}

export interface OciUser {
  uid?: number;
  gid?: number;
  additionalGids?: number[];
  username?: string;
}

export interface OciRlimit {
  type: string;
  hard: number | bigint;
  soft: number | bigint;
}

export interface OciMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface OciLinux {
  cgroupsPath?: string;
  namespaces?: OciNamespace[];
  devices?: OciDevice[];
  resources?: OciResources;
}

export interface OciNamespace {
  type: string;
  path?: string;
}

export interface OciDevice {
  path: string;
  type: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface OciResources {
  devices?: OciDeviceRule[];
}

export interface OciDeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access?: string;
}

export interface OciWindows {
  network?: { networkNamespace?: string };
}
