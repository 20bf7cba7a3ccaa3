/**
 * computenetwork.dll: networks, endpoints and namespaces of the Host Compute Network. `id` is a GUID. `record` tells of an error, also
 * where the result does not.
 */

export const COMPUTENETWORK = {
  file: "computenetwork.dll",
  since: 17763,
  feature: "networks of containers and utility VMs",
  source: "https://learn.microsoft.com/windows-server/networking/technologies/hcn/hcn-top",
  unproven: "what the network service makes of the documents",
  functions: {
    HcnEnumerateNetworks: "i32 (text query, outText networks, outText record)",
    HcnCreateNetwork: "i32 (buffer id, text settings, outHandle network, outText record)",
    HcnOpenNetwork: "i32 (buffer id, outHandle network, outText record)",
    HcnModifyNetwork: "i32 (handle network, text settings, outText record)",
    HcnQueryNetworkProperties: "i32 (handle network, text query, outText properties, outText record)",
    HcnDeleteNetwork: "i32 (buffer id, outText record)",
    HcnCloseNetwork: "i32 (handle network)",

    HcnEnumerateNamespaces: "i32 (text query, outText namespaces, outText record)",
    HcnCreateNamespace: "i32 (buffer id, text settings, outHandle namespace, outText record)",
    HcnOpenNamespace: "i32 (buffer id, outHandle namespace, outText record)",
    HcnModifyNamespace: "i32 (handle namespace, text settings, outText record)",
    HcnQueryNamespaceProperties: "i32 (handle namespace, text query, outText properties, outText record)",
    HcnDeleteNamespace: "i32 (buffer id, outText record)",
    HcnCloseNamespace: "i32 (handle namespace)",

    HcnEnumerateEndpoints: "i32 (text query, outText endpoints, outText record)",
    HcnCreateEndpoint: "i32 (handle network, buffer id, text settings, outHandle endpoint, outText record)",
    HcnOpenEndpoint: "i32 (buffer id, outHandle endpoint, outText record)",
    HcnModifyEndpoint: "i32 (handle endpoint, text settings, outText record)",
    HcnQueryEndpointProperties: "i32 (handle endpoint, text query, outText properties, outText record)",
    HcnDeleteEndpoint: "i32 (buffer id, outText record)",
    HcnCloseEndpoint: "i32 (handle endpoint)",
  },
} as const;
