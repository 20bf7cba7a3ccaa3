/** Reading what the host sends to a Windows guest. Documents of containers are checked as HCS does: strictly. */
import { flag, integer, list, members, text, uint32, type Read } from "../../../guest/shape.ts";
import type { WindowsContainer } from "../../../schema/container.ts";
import { parseJson } from "../../../json.ts";
import { checkShape, describeViolation, type Shape } from "../../shape.ts";
import { WINDOWS_CONTAINER } from "../../windows/document.ts";
import { GuestError, RESULT } from "../errors.ts";

type Readers<T> = { readonly [Name in keyof T]: Read<T[Name]> };

const anything: Read<unknown> = (value) => value;
const uint16 = integer(0, 0xffff);

/** Service ids of streams. */
export interface StdioServices {
  readonly StdIn?: string;
  readonly StdOut?: string;
  readonly StdErr?: string;
}

export interface WindowsRequestBodies {
  readonly executeProcess: {
    readonly Settings?: { readonly ProcessParameters?: string; readonly StdioRelaySettings?: StdioServices };
  };
  readonly signalProcess: { readonly ProcessId?: number; readonly Options?: { readonly Signal?: string } };
  readonly modifySettings: {
    readonly Request?: {
      readonly RequestType?: string;
      readonly ResourceType?: string;
      readonly ResourcePath?: string;
      readonly Settings?: unknown;
    };
  };
}

export const WINDOWS_REQUEST: Readers<WindowsRequestBodies> = {
  executeProcess: members({
    Settings: members({
      ProcessParameters: text,
      StdioRelaySettings: members({ StdIn: text, StdOut: text, StdErr: text }),
    }),
  }),
  signalProcess: members({ ProcessId: uint32, Options: members({ Signal: text }) }),
  modifySettings: members({
    Request: members({ RequestType: text, ResourceType: text, ResourcePath: text, Settings: anything }),
  }),
};

export interface WindowsProcessParameters {
  readonly CommandLine?: string;
  readonly User?: string;
  readonly WorkingDirectory?: string;
  readonly Environment?: Readonly<Record<string, string>>;
  readonly EmulateConsole?: boolean;
  readonly ConsoleSize?: readonly number[];
  readonly CreateStdInPipe?: boolean;
  readonly CreateStdOutPipe?: boolean;
  readonly CreateStdErrPipe?: boolean;
}

const environment: Read<Record<string, string>> = (value) =>
  Object.fromEntries(
    Object.entries(members({})(value, "Environment") === undefined ? {} : (value as object)).map(
      ([name, entry]) => [name, String(entry)],
    ),
  );

export const PROCESS_PARAMETERS: Read<WindowsProcessParameters> = members({
  CommandLine: text,
  User: text,
  WorkingDirectory: text,
  Environment: environment,
  EmulateConsole: flag,
  ConsoleSize: list(uint16),
  CreateStdInPipe: flag,
  CreateStdOutPipe: flag,
  CreateStdErrPipe: flag,
});

export const SETTINGS: {
  readonly mappedDisk: Read<{ readonly ContainerPath?: string; readonly Lun?: number }>;
  readonly mappedDirectory: Read<{
    readonly HostPath?: string;
    readonly ContainerPath?: string;
    readonly ReadOnly?: boolean;
  }>;
  readonly combinedLayers: Read<{
    readonly ContainerRootPath?: string;
    readonly Layers?: readonly { readonly Id?: string; readonly Path?: string }[];
  }>;
  readonly network: Read<{
    readonly AdapterId?: string;
    readonly RequestType?: string;
    readonly Settings?: unknown;
  }>;
  readonly namespace: Read<{ readonly ID?: string }>;
  readonly endpoint: Read<{ readonly HostComputeNamespace?: string }>;
} = {
  mappedDisk: members({ ContainerPath: text, Lun: uint32 }),
  mappedDirectory: members({ HostPath: text, ContainerPath: text, ReadOnly: flag }),
  combinedLayers: members({ ContainerRootPath: text, Layers: list(members({ Id: text, Path: text })) }),
  network: members({ AdapterId: text, RequestType: text, Settings: anything }),
  namespace: members({ ID: text }),
  endpoint: members({ HostComputeNamespace: text }),
};

/** The container of a Create request. */
export function readContainer(jsonText: string | undefined): WindowsContainer {
  let document: unknown;
  try {
    document = parseJson(jsonText ?? "");
  } catch (error) {
    throw new GuestError(RESULT.invalidJson, "cannot read ContainerConfig", { cause: error });
  }
  const { Container, CWCOWHostedSystem } = (document ?? {}) as Record<string, unknown>;
  if (CWCOWHostedSystem !== undefined)
    throw new GuestError(RESULT.failed, "the emulated guest is no confidential one: it has no policy to ask");
  checkStrictly(Container, WINDOWS_CONTAINER);
  return Container as WindowsContainer;
}

const VIOLATIONS = {
  form: RESULT.invalidJson,
  range: RESULT.invalidArgument,
  unsupported: 0x8007_0032,
} as const;

/** @throws {GuestError} with the code HCS would give */
export function checkStrictly(value: unknown, shape: Shape): void {
  const violation = checkShape(value, shape);
  if (violation !== undefined) throw new GuestError(VIOLATIONS[violation.kind], describeViolation(violation));
}
