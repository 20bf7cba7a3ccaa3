/** `ProcessParameters`: how a process is created in a compute system or through a guest. */

export interface ProcessParameters {
  CommandLine?: string;
  /** Processes of a Linux VM itself; containers use {@link OciProcess}. */
  CommandArgs?: string[];
  User?: string;
  WorkingDirectory?: string;
  Environment?: Record<string, string>;
  EmulateConsole?: boolean;
  CreateStdInPipe?: boolean;
  CreateStdOutPipe?: boolean;
  CreateStdErrPipe?: boolean;
  /** [height, width] */
  ConsoleSize?: [number, number];
  /** An exec in a Linux container: the whole OCI process. The init process has none. */
  OciProcess?: unknown;
}
