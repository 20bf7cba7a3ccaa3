/** A Create request, read: what the pod and task layers work with. */
import type { DnsSettings, RootfsMount } from "../../hcs/api.ts";
import type { Identity } from "../../oci/identity.ts";
import type { Isolation } from "../../oci/isolation.ts";
import type { Spec } from "../../oci/spec.ts";
import type { StdioPaths } from "../io/upstream.ts";
import type { Options } from "../options/own.ts";

export interface CreateRequest {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: readonly RootfsMount[];
  readonly terminal: boolean;
  readonly stdio: StdioPaths;
  readonly spec: Spec;
  readonly identity: Identity;
  readonly isolation: Isolation;
  /** Name servers of the pod where the client names them: they replace those of its endpoints. */
  readonly dns?: DnsSettings;
  /** A limit of processor time means a share of the host's processors, also in a VM that has fewer. */
  readonly scaleProcessorLimit: boolean;
  /** False: guests may log environment variables and other secrets. */
  readonly scrubLogs: boolean;
  /** Options in force for this task, its pod's annotations included. */
  readonly options: Options;
}
