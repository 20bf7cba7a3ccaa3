/** The policy of a confidential pod: what its guest has to know before anything is mounted. */
import { posix, win32 } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import { addSecurityPolicy } from "../../../hcs/guest/modify.ts";
import type { UvmView } from "../vm/uvm.ts";
import type { LinuxVmPlan } from "./vm-plan.ts";

/** A VM without a policy is told nothing. */
export async function sendPolicy(
  { files, traits }: HcsBackend,
  uvm: UvmView,
  { options, bootDirectory }: LinuxVmPlan,
  signal: AbortSignal,
): Promise<void> {
  if (options.securityPolicy === "") return;
  const path = traits.paths === "win32" ? win32 : posix;
  /** Reference measurements are a help for who verifies: a missing file is left out. */
  const encoded = async (name: string): Promise<string> => {
    const file = path.join(bootDirectory, name);
    if (name === "" || (await files.stat(file, { signal })) === undefined) return "";
    return Buffer.from(await files.readFile(file, { signal })).toString("base64");
  };
  const policy = {
    EnforcerType: options.policyEnforcer,
    EncodedSecurityPolicy: options.securityPolicy,
    EncodedUVMReference: await encoded(options.referenceInfo),
    EncodedUVMHashEnvelopeReference: await encoded(options.hashEnvelope),
  };
  await uvm.guest.modify(addSecurityPolicy(policy), { signal });
}
