/** Requests of HcsModifyServiceSettings. */

export type ModifyServiceRequest = ContainerCredentialGuardRequest;

/** Adds or removes the credentials of one container (gMSA). */
export interface ContainerCredentialGuardRequest {
  PropertyType: "ContainerCredentialGuard";
  Settings: {
    Operation: "AddInstance" | "RemoveInstance";
    OperationDetails: {
      Id: string;
      /** The credential spec, a JSON text. */
      CredentialSpec?: string;
      /** LRPC on the host, HvSocket across the boundary of a VM. */
      Transport?: "LRPC" | "HvSocket";
    };
  };
}
