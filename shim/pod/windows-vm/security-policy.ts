/** What a confidential guest is told before anything else: its policy, and what its own measurements are to be. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { SecurityPolicy } from "../../../hcs/guest/resources.ts";
import type { ConfidentialOptions } from "../../../oci/documents/windows-vm-options.ts";

/** Reference files that are not there are left out. */
export async function readSecurityPolicy(
  options: ConfidentialOptions,
  files: Pick<HostFiles, "stat" | "readFile">,
): Promise<SecurityPolicy> {
  const reference = await encoded(files, options.referenceInfo);
  const envelope = await encoded(files, options.hashEnvelopeReferenceInfo);
  return {
    EncodedSecurityPolicy: options.policy,
    ...(options.enforcer === "" ? {} : { EnforcerType: options.enforcer }),
    ...(reference === undefined ? {} : { EncodedUVMReference: reference }),
    ...(envelope === undefined ? {} : { EncodedUVMHashEnvelopeReference: envelope }),
  };
}

async function encoded(
  files: Pick<HostFiles, "stat" | "readFile">,
  path: string,
): Promise<string | undefined> {
  if (path === "" || (await files.stat(path)) === undefined) return undefined;
  return Buffer.from(await files.readFile(path)).toString("base64");
}
