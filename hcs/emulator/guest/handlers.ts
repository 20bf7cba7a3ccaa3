/** Messages of the guest protocol and what the agent does for each. */
import {
  NULL_CONTAINER_ID,
  type GuestResponse,
  type MessageName,
  type ResponseBody,
} from "../../guest/protocol.ts";
import { stringifyJson } from "../../json.ts";
import type { Agent } from "./agent.ts";
import type { GuestService } from "./bridge-server.ts";
import { GuestError, RESULT } from "./errors.ts";
import { DOCUMENT, readShape, readText, REQUEST, type RequestBase } from "./requests.ts";
import { modifyContainer, modifyVm } from "./resources.ts";
import { describeGuest } from "./stacks.ts";

const SIGTERM = 15;
const SIGKILL = 9;
const MAX_SIGNAL = 64;

/** A request as a handler sees it. */
export interface Request extends RequestBase {
  /** The parsed body, its shape unchecked. */
  readonly body: unknown;
  /**
   * Has `action` called once the response, whatever it says, is on its way.
   *
   * `isHeard`: whoever asked is still there to take it. On a connection that came later nobody has asked.
   */
  readonly afterResponse: (action: (isHeard: boolean) => void) => void;
}

/** Members of a response beside those that all responses have. */
export type Answer<Name extends MessageName> = Omit<ResponseBody<Name>, keyof GuestResponse>;

/** Answers a request, fails, or (`undefined`) leaves it without a response. */
export type Handler<Name extends MessageName, A = Agent> = (
  agent: A,
  request: Request,
) => Answer<Name> | undefined | Promise<Answer<Name>>;

const HANDLERS: GuestService<Agent>["handlers"] = {
  Create: async (agent, { containerId, activityId, body }) => {
    const { ContainerConfig } = readShape(REQUEST.create, body, "Create");
    await agent.create(containerId, activityId, ContainerConfig);
    return { SelectedProtocolVersion: 0 };
  },

  // The init process starts with ExecuteProcess: there is nothing to do, not even to look for the container.
  Start: () => ({}),

  ShutdownGraceful: (agent, request) => shutdown(agent, request, SIGTERM),
  ShutdownForced: (agent, request) => shutdown(agent, request, SIGKILL),

  ExecuteProcess: async (agent, { containerId, body }) => {
    const { Settings } = readShape(REQUEST.executeProcess, body, "ExecuteProcess");
    const parameters = readText(DOCUMENT.processParameters, Settings?.ProcessParameters, "ProcessParameters");
    const pid = await agent.executeProcess(containerId, parameters, Settings?.VsockStdioRelaySettings);
    return { ProcessId: pid };
  },

  WaitForProcess: async (agent, { containerId, body, afterResponse }) => {
    const { ProcessId: pid = 0, TimeoutInMs: timeoutMs = 0 } = readShape(
      REQUEST.waitForProcess,
      body,
      "WaitForProcess",
    );
    if (containerId === NULL_CONTAINER_ID) return { ExitCode: await agent.waitForVmProcess(pid, timeoutMs) };
    const container = agent.containers.get(containerId);
    afterResponse((isHeard) => container.waitAnswered(pid, isHeard));
    return { ExitCode: await container.wait(pid, timeoutMs) };
  },

  SignalProcess: (agent, { containerId, body }) => {
    const { ProcessId = 0, Options } = readShape(REQUEST.signalProcess, body, "SignalProcess");
    const signal = Options === undefined ? SIGKILL : (Options.Signal ?? 0);
    if (signal > MAX_SIGNAL) throw new GuestError(RESULT.invalidArgument, `there is no signal ${signal}`);
    agent.containers.get(containerId).signal(ProcessId, signal);
    return {};
  },

  ResizeConsole: (agent, { containerId, body }) => {
    const { ProcessId = 0, Height = 0, Width = 0 } = readShape(REQUEST.resizeConsole, body, "ResizeConsole");
    const { stdio } = agent.containers.get(containerId).process(ProcessId);
    stdio.resize({ height: Height, width: Width });
    return {};
  },

  GetProperties: (agent, { containerId, body }) => {
    const { Query } = readShape(REQUEST.getProperties, body, "GetProperties");
    const { PropertyTypes = [] } = readText(DOCUMENT.propertyQuery, Query, "Query");
    return { Properties: stringifyJson(agent.properties(containerId, PropertyTypes)) };
  },

  ModifySettings: async (agent, { containerId, body }) => {
    const { Request = {} } = readShape(REQUEST.modifySettings, body, "ModifySettings");
    const { ResourceType, RequestType, Settings } = Request;
    if (containerId === NULL_CONTAINER_ID) await modifyVm(agent, ResourceType, RequestType, Settings);
    else await modifyContainer(agent, containerId, ResourceType, RequestType, Settings);
    return {};
  },

  DumpStacks: (agent) => ({ GuestStacks: describeGuest(agent) }),

  DeleteContainerState: async (agent, { containerId }) => {
    await agent.deleteState(containerId);
    return {};
  },
};

export const LINUX_GUEST: GuestService<Agent> = {
  capabilities: {
    SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
    RuntimeOsType: "Linux",
    GuestDefinedCapabilities: {
      NamespaceAddRequestSupported: true,
      SignalProcessSupported: true,
      DumpStacksSupported: true,
      DeleteContainerStateSupported: true,
    },
  },
  handlers: HANDLERS,
};

function shutdown(agent: Agent, { containerId }: Request, signal: number): GuestResponse | undefined {
  if (containerId !== NULL_CONTAINER_ID) {
    agent.containers.get(containerId).shutdown(signal);
    return {};
  }
  // The VM powers off: there is nobody left to answer.
  agent.options.powerOff();
  return undefined;
}
