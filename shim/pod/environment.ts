/** What a pod needs from the process around it. It holds nothing of the pod. */
import type { HcsBackend, HostInfo } from "../../hcs/api.ts";
import type { Clock } from "../clock.ts";
import type { PipeConnector, StreamResolver } from "../io/upstream.ts";
import type { Logger } from "../log/logger.ts";
import type { AroundPhase } from "../phases/phases.ts";
import type { Timeline } from "../phases/timeline.ts";
import type { Journal, JournalPlace } from "../resources/journal.ts";
import type { TaskEvents } from "../task/environment.ts";

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
  readonly aroundPhase?: AroundPhase;
  /** Opens the journal of a task that is being created; files by default. */
  readonly openJournal?: (place: JournalPlace) => Journal;
  /** Dials the named pipes of clients; the machine's own by default. */
  readonly dialPipe?: PipeConnector;
}
