/** What a pod needs from the process around it. It holds nothing of the pod. */
import type { HcsBackend, HostInfo } from "../../hcs/api.ts";
import type { SessionStart } from "../../hcs/guest/session.ts";
import type { Clock } from "../clock.ts";
import type { PipeConnector, StreamResolver } from "../io/upstream.ts";
import type { Logger } from "../log/logger.ts";
import type { AroundPhase } from "../phases/phases.ts";
import type { Timeline } from "../phases/timeline.ts";
import type { Reclaimers } from "../resources/reclaim.ts";
import type { TakeoverRecords } from "../resources/takeover-records.ts";
import type { Journal, JournalPlace } from "../resources/journal.ts";
import type { TaskEvents } from "../task/environment.ts";

/** Keeps FIFOs open, so that their clients do not see an end that is none. */
export interface PathHolder {
  /** @returns what lets it go */
  holdPath(path: string, mode: "read" | "write"): () => void;
}

/** What is known of a pod that an earlier process had. */
export interface Takeover {
  /** Where the conversation with the guest of its VM ended. */
  guestOf(podId: string): SessionStart;
  /** How things are released that nobody here has acquired. */
  readonly reclaimers: () => Promise<Reclaimers>;
}

export interface PodEnvironment {
  readonly backend: HcsBackend;
  readonly host: HostInfo;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeline: Timeline;
  readonly events: TaskEvents;
  /** containerd's namespace. */
  readonly namespace: string;
  readonly stateDirectory: string;
  /** The process has other pods. */
  readonly isShared?: true;
  /** When this process was started, as journals tell (`platform/process-identity.ts`). */
  readonly processStartTime?: number;
  /** `Owner` of compute systems. */
  readonly owner: string;
  /** Directory of the shim executable; files of the installation are beside it. */
  readonly programDirectory: string;
  readonly streams: StreamResolver;
  /** Of a shared process: keeps things open when the process dies. */
  readonly holder?: PathHolder;
  /** Of a shared process: what whoever takes the tasks over has to know. */
  readonly records?: TakeoverRecords;
  /** Present while a pod is taken over from a process that died. */
  readonly takeover?: Takeover | undefined;
  readonly aroundPhase?: AroundPhase;
  /** Opens the journal of a task that is being created; files by default. */
  readonly openJournal?: (place: JournalPlace) => Journal;
  /** Dials the named pipes of clients; the machine's own by default. */
  readonly dialPipe?: PipeConnector;
}
