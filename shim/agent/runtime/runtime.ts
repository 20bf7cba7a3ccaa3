/**
 * Containers to work in, whatever isolates them. Callers cannot tell the kinds apart but by {@link BoundaryInfo}, which says
 * how much the isolation is worth and goes into every audit record.
 */
import type { BoundaryLevel } from "../../../oci/boundary/levels.ts";
import type { ExecResult as WireResult } from "../../../protos/gen/agent.ts";
import type { FilesSummary } from "../files/summary.ts";
import type { FileLimits } from "../protocol/limits.ts";

/** What lies between a job and the host. */
export interface BoundaryInfo {
  readonly isolation: "hyperv" | "process" | "emulated";
  /** `silo`: the host's own kernel; the weaker boundary. */
  readonly boundary: "partition+hvsocket" | "partition+shares" | "silo";
  /** What the pod's VM was made with; absent without a VM. */
  readonly level?: BoundaryLevel;
  /** Shares that the VM has now. */
  readonly shares: number;
  readonly transport: "hvsocket" | "unix" | "task-exec";
}

export interface ExecRequest {
  /** Chosen by the caller, else made up. */
  readonly execId?: string;
  /** `/src` and `/out` stand for the directories of this exec. */
  readonly argv: readonly string[];
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** Directory of the host whose files the job gets. */
  readonly source?: string;
  /** Directory of the host for the files of the job; made if need be. */
  readonly output?: string;
  /** Patterns of the output files that are wanted; all without. */
  readonly outputs?: readonly string[];
  readonly timeoutMs?: number;
  readonly maxStdioBytes?: number;
  readonly maxOutputBytes?: number;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly onOutput?: (stream: "stdout" | "stderr", bytes: Uint8Array) => void | Promise<void>;
  readonly onProgress?: (bytes: number) => void;
}

/** A program that ended by itself, however. That it could not be run is an error instead. */
export interface ExecResult {
  readonly execId: string;
  readonly exitCode: number;
  readonly cause: WireResult["cause"];
  /** Number of the signal it ended by; 0 without. */
  readonly signal: number;
  readonly stdioTruncated: boolean;
  /** Digest of all files that went in: the same for every spelling of their paths. */
  readonly inputDigest: string;
  /** … and of all that came out. */
  readonly outputDigest: string;
  readonly outputs: readonly { readonly path: string; readonly bytes: number; readonly sha256: Uint8Array }[];
}

/** `suspect`: its connection broke, and whether it lives is being found out. */
export type ContainerState = "running" | "suspect" | "draining" | "dead";

export interface DeathNotice {
  readonly id: string;
  readonly incarnation: string;
  readonly reason: string;
  /** It was stopped by its owner. */
  readonly planned: boolean;
  /** Execs that were running. */
  readonly inflight: readonly string[];
}

export interface IsolatedContainer {
  readonly id: string;
  /** Changes with every boot: the VM's runtime id, or that of a process. */
  readonly incarnation: string;
  readonly boundary: BoundaryInfo;
  readonly state: ContainerState;
  /** Settles once, after {@link state} has become `dead` and nothing is admitted any more. Never rejects. */
  readonly died: Promise<DeathNotice>;
  /**
   * Runs a job. After the death of the container it rejects without any I/O. Output files are complete when it resolves;
   * a job that failed leaves none.
   *
   * @throws {AgentError}
   */
  exec(request: ExecRequest, signal?: AbortSignal): Promise<ExecResult>;
  /** Copies a file, or the files below a directory, into a directory of the container. @throws {AgentError} */
  put(source: string, target: string, options?: CopyOptions): Promise<FilesSummary>;
  /** Copies a file, or the files below a directory, of the container into a directory of the host. @throws {AgentError} */
  get(source: string, target: string, options?: CopyOptions): Promise<FilesSummary>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface CopyOptions {
  readonly onProgress?: (bytes: number) => void;
  /** Told when a broken stream is gone on with. */
  readonly onResume?: (attempt: number, error: unknown) => void;
  readonly limits?: FileLimits;
  readonly signal?: AbortSignal;
}
