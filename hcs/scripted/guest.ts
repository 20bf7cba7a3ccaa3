/**
 * The guest of a scripted VM: speaks the real protocol over streams in memory, runs nothing. Its processes end when they
 * are signalled; those of the VM itself at once.
 */
import type { Duplex } from "node:stream";
import { HcsError } from "../errors.ts";
import { encodeFrame, FrameDecoder, type Frame } from "../guest/frame.ts";
import {
  CONTAINER_NOTIFICATION,
  messageName,
  NULL_CONTAINER_ID,
  PROTOCOL_VERSION,
  responseType,
} from "../guest/protocol.ts";
import { HRESULT } from "../hresult-table.ts";
import { LINUX_GUEST_PORT, vsockServiceId, WINDOWS_GUEST_SERVICE } from "../schema/hv-socket.ts";
import { parseJson, stringifyJson } from "../json.ts";
import type { ProcessParameters } from "../schema/process.ts";
import type { Json } from "./platform.ts";
import { GuestProcess } from "./guest-process.ts";
import type { ScriptedHvSockets } from "./hv-sockets.ts";
import { processListEntry, type Machine } from "./machine.ts";
import { STATISTICS } from "./statistics.ts";

type GuestOs = "linux" | "windows";

/** Services a guest dials when it boots, or as soon as the host listens for them. */
const BOOT_SERVICES: ReadonlyMap<string, "bridge" | "other"> = new Map([
  [vsockServiceId(LINUX_GUEST_PORT.entropy), "other"],
  [vsockServiceId(LINUX_GUEST_PORT.log), "other"],
  [vsockServiceId(LINUX_GUEST_PORT.bridge), "bridge"],
  [WINDOWS_GUEST_SERVICE.log, "other"],
  [WINDOWS_GUEST_SERVICE.bridge, "bridge"],
  [WINDOWS_GUEST_SERVICE.sidecarBridge, "bridge"],
]);

const GUEST_CAPABILITIES = {
  NamespaceAddRequestSupported: true,
  SignalProcessSupported: true,
  DumpStacksSupported: true,
  DeleteContainerStateSupported: true,
  UpdateContainerSupported: true,
  LogForwardingSupported: true,
  HostProcessContainerSupported: true,
};

/** Guests that can everything there is. */
const CAPABILITIES: Readonly<Record<GuestOs, Json>> = {
  linux: {
    RuntimeOsType: "Linux",
    SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
    GuestDefinedCapabilities: GUEST_CAPABILITIES,
  },
  windows: {
    RuntimeOsType: "Windows",
    SendHostCreateMessage: true,
    SendHostStartMessage: true,
    ModifyServiceSettingsSupported: true,
    SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
    GuestDefinedCapabilities: GUEST_CAPABILITIES,
  },
};

export class ScriptedGuest {
  readonly #machine: Machine;
  readonly #hvSockets: ScriptedHvSockets;
  readonly #decoder = new FrameDecoder();
  readonly #streams: Duplex[] = [];
  readonly #containers = new Map<string, Set<GuestProcess>>();
  readonly #stopWatching: () => void;
  #bridge: Duplex | undefined;
  #os: GuestOs = "windows";

  /** Boots: dials what the host listens for. */
  constructor(machine: Machine, hvSockets: ScriptedHvSockets) {
    this.#machine = machine;
    this.#hvSockets = hvSockets;
    const dialled = new Set<string>();
    this.#stopWatching = hvSockets.watch((serviceId) => {
      const purpose = BOOT_SERVICES.get(serviceId);
      if (purpose === undefined || dialled.has(serviceId)) return;
      dialled.add(serviceId);
      // Not within the call that listens: a guest is another machine.
      setImmediate(() => this.#dial(serviceId, purpose));
    });
  }

  /** The VM is gone, and every connection with it. */
  hangUp(): void {
    this.#stopWatching();
    for (const stream of this.#streams) stream.destroy();
  }

  #dial(serviceId: string, purpose: "bridge" | "other"): void {
    const stream = this.#hvSockets.dial(serviceId);
    this.#streams.push(stream);
    if (purpose === "other") {
      stream.resume();
      return;
    }
    this.#os = serviceId === vsockServiceId(LINUX_GUEST_PORT.bridge) ? "linux" : "windows";
    this.#bridge = stream;
    stream.on("data", (chunk: Buffer) => this.#decoder.push(chunk, (frame) => this.#onRequest(frame)));
  }

  #onRequest({ type, id, body }: Frame): void {
    const message = messageName(type);
    if (message === undefined) throw new Error(`the host sent type 0x${type.toString(16)}`);
    const { ContainerId, ActivityId: _, ...request } = parseJson(body.toString()) as Json;
    const containerId = String(ContainerId);
    const answer = (response: Json): void => this.#send(responseType(type), id, { Result: 0, ...response });
    try {
      if (message !== "WaitForProcess") this.#record(message, containerId, request);
      this.#answer(message, containerId, request, answer);
    } catch (error) {
      if (!(error instanceof HcsError)) throw error;
      answer({ Result: error.hresult | 0, ErrorMessage: error.detail ?? error.message });
    }
  }

  #record(message: string, containerId: string, request: Json): void {
    const { recorder } = this.#machine;
    recorder.attempt({
      call: `GCS.${message}`,
      body: this.#readable(message, containerId, request),
      containerId,
    });
  }

  /** The request with the JSON texts in it read, and a container's document in a file of its own. */
  #readable(message: string, containerId: string, request: Json): Json {
    if (message === "Create") {
      const config = parseJson(String(request["ContainerConfig"]));
      const isContainer = containerId !== NULL_CONTAINER_ID;
      return {
        ...request,
        ContainerConfig: isContainer
          ? this.#machine.recorder.keep(`container-${containerId}`, config)
          : config,
      };
    }
    if (message === "ExecuteProcess") {
      const settings = request["Settings"] as Json;
      const ProcessParameters = parseJson(String(settings["ProcessParameters"]));
      return { ...request, Settings: { ...settings, ProcessParameters } };
    }
    if (message === "GetProperties") return { ...request, Query: parseJson(String(request["Query"])) };
    return request;
  }

  #answer(message: string, containerId: string, request: Json, answer: (response: Json) => void): void {
    switch (message) {
      case "NegotiateProtocol": {
        const Capabilities = this.#machine.platform.guestCapabilities ?? CAPABILITIES[this.#os];
        answer({ Version: PROTOCOL_VERSION, Capabilities });
        return;
      }
      case "Create":
        this.#containers.set(containerId, new Set());
        answer({});
        return;
      case "ExecuteProcess":
        answer({ ProcessId: this.#execute(containerId, request["Settings"] as Json) });
        return;
      case "WaitForProcess":
        this.#process(containerId, request).onExit((ExitCode) => answer({ ExitCode }));
        return;
      case "SignalProcess":
        this.#process(containerId, request).signal();
        answer({});
        return;
      case "GetProperties":
        answer({ Properties: stringifyJson(this.#properties(containerId, request)) });
        return;
      case "ShutdownGraceful":
      case "ShutdownForced":
        answer({});
        this.#endContainer(containerId, message === "ShutdownGraceful" ? "GracefulExit" : "ForcedExit");
        return;
      default:
        answer({});
    }
  }

  #execute(containerId: string, settings: Json): number {
    const parameters = parseJson(String(settings["ProcessParameters"])) as ProcessParameters;
    const process = new GuestProcess(this.#machine, this.#os, this.#hvSockets, settings);
    const ofContainer = this.#containers.get(containerId) ?? new Set();
    this.#containers.set(containerId, ofContainer.add(process));
    if (containerId === NULL_CONTAINER_ID) this.#runInVm(process, parameters);
    return process.processId;
  }

  /** Processes of the VM itself do what is scripted for their command line, and end. */
  #runInVm(process: GuestProcess, parameters: ProcessParameters): void {
    const commandLine = parameters.CommandLine ?? parameters.CommandArgs?.join(" ") ?? "";
    const script = this.#machine.platform.guestExec?.find(({ match }) => commandLine.includes(match));
    if (script?.stdout !== undefined) process.write(script.stdout);
    // Its id is to be known before its end is.
    setImmediate(() => process.end(script?.exit ?? 0));
  }

  #process(containerId: string, request: Json): GuestProcess {
    const found = [...(this.#containers.get(containerId) ?? [])].find(
      ({ processId }) => processId === request["ProcessId"],
    );
    if (found !== undefined) return found;
    throw new HcsError({ operation: "find process", hresult: HRESULT.elementNotFound });
  }

  #properties(containerId: string, request: Json): Json {
    const query = parseJson(String(request["Query"])) as { PropertyTypes?: string[] };
    const wanted = new Set(query.PropertyTypes);
    const processes = [...(this.#containers.get(containerId) ?? [])].filter(({ isRunning }) => isRunning);
    return {
      ...(wanted.has("SystemGUID")
        ? { SystemGUID: this.#machine.platform.containerSystemGuids?.[containerId] }
        : {}),
      ...(wanted.has("ProcessList")
        ? { ProcessList: processes.map(({ processId }) => processListEntry(processId)) }
        : {}),
      ...(wanted.has("Statistics")
        ? this.#os === "linux"
          ? { LCOWMetrics: {} }
          : { Statistics: STATISTICS }
        : {}),
    };
  }

  #endContainer(ContainerId: string, Type: string): void {
    for (const process of [...(this.#containers.get(ContainerId) ?? [])]) process.signal();
    this.#send(CONTAINER_NOTIFICATION, 0n, { ContainerId, Type, Operation: "None", Result: 0 });
  }

  #send(type: number, id: bigint, body: Json): void {
    if (this.#bridge?.destroyed === false) this.#bridge.write(encodeFrame(type, id, stringifyJson(body)));
  }
}
