/** The script: what a machine has, and what it answers. */

export type Json = Readonly<Record<string, unknown>>;

/** A file or directory that is on the host before the run. */
export interface HostEntry {
  readonly path: string;
  readonly dir?: boolean;
  /** Bytes, for files whose content does not matter. */
  readonly size?: number;
  readonly content?: string;
}

export interface ScriptedFailure {
  readonly call: string;
  /** A piece of the call's JSON text; every call of that name without it. */
  readonly match?: string;
  /** Unsigned 32 bits. */
  readonly hresult: number;
  /** Only this one of the calls that match, counted from 1. */
  readonly nth?: number;
}

export interface ScriptedGuestExec {
  /** A piece of the command line. */
  readonly match: string;
  readonly stdout?: string;
  readonly exit?: number;
}

/** What the machine answers. */
export interface Platform {
  readonly windowsBuild: number;
  readonly hostProcessors: number;
  readonly vmRuntimeId: string;
  /** `C:` → volume path. */
  readonly driveVolumes?: Readonly<Record<string, string>>;
  readonly fileBindingSupported?: boolean;
  /** Layer directory → volume path of its scratch. */
  readonly scratchVolumes?: Readonly<Record<string, string>>;
  /** Container id → its `SystemGUID`. */
  readonly containerSystemGuids?: Readonly<Record<string, string>>;
  readonly namespaces?: readonly ScriptedNamespace[];
  readonly endpoints?: readonly Json[];
  /** Reply of the guest to the negotiation; one that can everything by default. */
  readonly guestCapabilities?: Json;
  readonly guestExec?: readonly ScriptedGuestExec[];
  readonly localGroups?: readonly string[];
  readonly fail?: readonly ScriptedFailure[];
  readonly recordOperations?: boolean;
}

export interface ScriptedNamespace {
  readonly id: string;
  readonly namespaceId?: number;
  readonly type?: string;
  /** Ids. */
  readonly endpoints?: readonly string[];
}
