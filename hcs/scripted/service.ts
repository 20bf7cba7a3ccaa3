/** The compute service itself: its properties, and the credentials it keeps for containers. */
import type { PropertyQuery, ServiceProperties } from "../schema/properties.ts";
import type { ModifyServiceRequest } from "../schema/service.ts";
import type { Json } from "./platform.ts";
import type { Machine } from "./machine.ts";

/** Where a guest reaches its credentials. */
const CREDENTIAL_SERVICE = {
  ServiceId: "cc900000-0000-4000-8000-000000000001",
  ServiceConfig: {
    AllowWildcardBinds: true,
    BindSecurityDescriptor: "D:P(A;;FA;;;SY)",
    ConnectSecurityDescriptor: "D:P(A;;FA;;;SY)",
  },
};

export class ScriptedService {
  readonly #machine: Machine;
  readonly #credentials = new Map<string, Json>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  properties(query: PropertyQuery): ServiceProperties {
    this.#machine.recorder.attempt({ call: "HcsGetServiceProperties", query });
    const answers = (query.PropertyTypes ?? []).map((type) => this.#answer(type));
    return { Properties: answers };
  }

  modify(request: ModifyServiceRequest): void {
    this.#machine.recorder.attempt({ call: "HcsModifyServiceSettings", request });
    const { Operation, OperationDetails } = request.Settings;
    const { Id } = OperationDetails;
    if (Operation === "RemoveInstance") this.#credentials.delete(Id);
    else this.#credentials.set(Id, instanceOf(OperationDetails));
  }

  #answer(type: string): Json {
    switch (type) {
      case "ProcessorTopology":
        return { LogicalProcessorCount: this.#machine.platform.hostProcessors };
      case "ContainerCredentialGuard":
        return { Instances: [...this.#credentials.values()] };
      default:
        return {};
    }
  }
}

function instanceOf({
  Id,
  CredentialSpec,
  Transport,
}: ModifyServiceRequest["Settings"]["OperationDetails"]): Json {
  return {
    Id,
    CredentialGuard: { Cookie: `cookie-${Id}`, RpcEndpoint: `endpoint-${Id}`, Transport, CredentialSpec },
    ...(Transport === "HvSocket" ? { HvSocketConfig: CREDENTIAL_SERVICE } : {}),
  };
}
