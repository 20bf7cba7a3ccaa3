/** Messages of the guest protocol and what the agent of a Windows guest does for each. */
import { NULL_CONTAINER_ID } from "../../../guest/protocol.ts";
import { stringifyJson } from "../../../json.ts";
import { vsockPort } from "../../../schema/hv-socket.ts";
import type { GuestService } from "../bridge-server.ts";
import { GuestError, RESULT } from "../errors.ts";
import { DOCUMENT, readShape, readText, REQUEST } from "../requests.ts";
import { requestedPorts } from "../stdio-ports.ts";
import type { WindowsAgent } from "./agent.ts";
import { PROCESS_PARAMETERS, readContainer, WINDOWS_REQUEST, type StdioServices } from "./requests.ts";
import { modifyWindowsContainer, modifyWindowsVm } from "./resources.ts";

const HANDLERS: GuestService<WindowsAgent>["handlers"] = {
  // The null container is the VM itself, which has been made and started by the time it can be asked.
  Create: (agent, { containerId, activityId, body }) => {
    const { ContainerConfig } = readShape(REQUEST.create, body, "Create");
    if (containerId !== NULL_CONTAINER_ID)
      agent.create(containerId, activityId, readContainer(ContainerConfig));
    return {};
  },

  Start: async (agent, { containerId }) => {
    if (containerId !== NULL_CONTAINER_ID) await agent.get(containerId).start();
    return {};
  },

  ShutdownGraceful: (agent, { containerId }) => {
    if (containerId === NULL_CONTAINER_ID) return powerOff(agent);
    agent.get(containerId).shutdown();
    return {};
  },

  ShutdownForced: (agent, { containerId }) => {
    if (containerId === NULL_CONTAINER_ID) return powerOff(agent);
    agent.get(containerId).terminate();
    return {};
  },

  ExecuteProcess: async (agent, { containerId, body }) => {
    const { Settings } = readShape(WINDOWS_REQUEST.executeProcess, body, "ExecuteProcess");
    const parameters = readText(PROCESS_PARAMETERS, Settings?.ProcessParameters, "ProcessParameters");
    if (containerId === NULL_CONTAINER_ID)
      throw new GuestError(
        RESULT.notImplemented,
        "the emulated Windows VM runs no programs beside its containers",
      );
    const ports = requestedPorts(parameters, portsOf(Settings?.StdioRelaySettings));
    return { ProcessId: await agent.get(containerId).exec(parameters, { dial: agent.options.dial, ports }) };
  },

  WaitForProcess: async (agent, { containerId, body }) => {
    const { ProcessId = 0, TimeoutInMs = 0 } = readShape(REQUEST.waitForProcess, body, "WaitForProcess");
    return { ExitCode: await agent.get(containerId).wait(ProcessId, TimeoutInMs) };
  },

  SignalProcess: async (agent, { containerId, body }) => {
    const { ProcessId = 0, Options } = readShape(WINDOWS_REQUEST.signalProcess, body, "SignalProcess");
    await agent.get(containerId).signal(ProcessId, Options?.Signal);
    return {};
  },

  ResizeConsole: async (agent, { containerId, body }) => {
    const { ProcessId = 0, Height = 0, Width = 0 } = readShape(REQUEST.resizeConsole, body, "ResizeConsole");
    await agent.get(containerId).resize(ProcessId, { height: Height, width: Width });
    return {};
  },

  GetProperties: (agent, { containerId, body }) => {
    const { Query } = readShape(REQUEST.getProperties, body, "GetProperties");
    const { PropertyTypes = [] } = readText(DOCUMENT.propertyQuery, Query, "Query");
    return { Properties: stringifyJson(agent.properties(containerId, PropertyTypes)) };
  },

  ModifySettings: async (agent, { containerId, body }) => {
    const { Request = {} } = readShape(WINDOWS_REQUEST.modifySettings, body, "ModifySettings");
    const { ResourceType, RequestType, ResourcePath, Settings } = Request;
    if (containerId === NULL_CONTAINER_ID) await modifyWindowsVm(agent, ResourceType, RequestType, Settings);
    else await modifyWindowsContainer(agent, containerId, ResourcePath, Settings);
    return {};
  },
};

function powerOff(agent: WindowsAgent): undefined {
  agent.options.powerOff("GracefulExit");
  return undefined;
}

function portsOf({ StdIn, StdOut, StdErr }: StdioServices = {}): Record<keyof StdioServices, number> {
  const port = (service: string | undefined): number =>
    service === undefined ? 0 : (vsockPort(service) ?? 0);
  return { StdIn: port(StdIn), StdOut: port(StdOut), StdErr: port(StdErr) };
}

/** @param hostProcess whether this build has HostProcess containers in VMs */
export function windowsGuest(hostProcess: boolean): GuestService<WindowsAgent> {
  return {
    capabilities: {
      SendHostCreateMessage: true,
      SendHostStartMessage: true,
      SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
      RuntimeOsType: "Windows",
      GuestDefinedCapabilities: {
        NamespaceAddRequestSupported: true,
        SignalProcessSupported: true,
        ...(hostProcess ? { HostProcessContainerSupported: true } : {}),
      },
    },
    handlers: HANDLERS,
  };
}
