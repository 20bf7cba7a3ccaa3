/** The token that all processes of a HostProcess container on the host run with. */
import { LOGON_TYPE, type HostJobs, type Token } from "../../../hcs/port/jobs.ts";
import { isNotFound } from "../../../hcs/hresult.ts";
import type { Spec } from "../../../oci/spec.ts";
import { accountOf, logonOf, temporaryAccount } from "../../../oci/windows/account.ts";
import type { Holdings } from "../../resources/holdings.ts";

/** An account that is made for the container goes with the holdings. */
export async function openToken(
  jobs: HostJobs,
  holdings: Holdings,
  containerId: string,
  spec: Spec,
  signal: AbortSignal,
): Promise<Token> {
  const account = accountOf(spec);
  if (account.kind === "inherited") return jobs.ownToken({ signal });
  if (await jobs.hasLocalGroup(account.name, { signal }))
    return memberToken(jobs, holdings, containerId, account.name, signal);
  const { user, domain, asService } = logonOf(account.name);
  const logonType = asService ? LOGON_TYPE.service : LOGON_TYPE.interactive;
  return jobs.logonUser({ user, domain, logonType }, { signal });
}

/** Of an account that exists as long as the container, in this group. */
async function memberToken(
  jobs: HostJobs,
  holdings: Holdings,
  containerId: string,
  group: string,
  signal: AbortSignal,
): Promise<Token> {
  const user = temporaryAccount(containerId);
  const password = await holdings.acquire(
    { kind: "account", key: `account:${user}`, data: { name: user } },
    () => jobs.addUser(user, { signal }),
    (budget) => removeUser(jobs, user, budget),
  );
  await jobs.addToLocalGroup(group, user, { signal });
  const logonType = LOGON_TYPE.interactive;
  return jobs.logonUser({ user, domain: "", password, logonType }, { signal });
}

async function removeUser(jobs: HostJobs, name: string, signal: AbortSignal): Promise<void> {
  try {
    await jobs.removeUser(name, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
