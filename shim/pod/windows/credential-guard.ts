/** Credentials of a group managed service account, kept ready by the host while a container lives. */
import type { HcsBackend } from "../../../hcs/api.ts";
import { isNotFound } from "../../../hcs/hresult.ts";
import type { CredentialGuardInstance } from "../../../hcs/schema/properties.ts";
import { ShimError } from "../../errors.ts";
import type { Holdings } from "../../resources/holdings.ts";

export interface CredentialRequest {
  readonly containerId: string;
  /** JSON text. */
  readonly credentialSpec: string;
  /** How the container reaches the host: on the host itself, or across the boundary of its VM. */
  readonly transport: "LRPC" | "HvSocket";
}

export async function guardCredentials(
  backend: Pick<HcsBackend, "modifyService" | "serviceProperties">,
  holdings: Holdings,
  { containerId, credentialSpec, transport }: CredentialRequest,
  signal: AbortSignal,
): Promise<CredentialGuardInstance> {
  await holdings.acquire(
    { kind: "credential-guard", key: `credential-guard:${containerId}`, data: { id: containerId } },
    () =>
      backend.modifyService(
        {
          PropertyType: "ContainerCredentialGuard",
          Settings: {
            Operation: "AddInstance",
            OperationDetails: { Id: containerId, CredentialSpec: credentialSpec, Transport: transport },
          },
        },
        { signal },
      ),
    (budget) => removeInstance(backend, containerId, budget),
  );
  const { Properties } = await backend.serviceProperties(
    { PropertyTypes: ["ContainerCredentialGuard"] },
    { signal },
  );
  const instances = Properties.flatMap(({ Instances }) => Instances ?? []);
  const instance = instances.find(({ Id }) => Id === containerId);
  if (instance?.CredentialGuard !== undefined) return instance;
  throw new ShimError(
    "HOST_UNFIT",
    `cannot give "${containerId}" its credentials: the host has no credential guard for it`,
  );
}

async function removeInstance(
  backend: Pick<HcsBackend, "modifyService">,
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await backend.modifyService(
      {
        PropertyType: "ContainerCredentialGuard",
        Settings: { Operation: "RemoveInstance", OperationDetails: { Id: containerId } },
      },
      { signal },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
