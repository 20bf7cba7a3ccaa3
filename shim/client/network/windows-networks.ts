/** The network services of Windows, as this process can call them. */
import { isSea } from "node:sea";
import { HCN_CALLS, type HcnCalls } from "../../../hcs/win32/network/hcn-calls.ts";
import { Win32HostNetworks } from "../../../hcs/win32/network/host-networks.ts";
import { HNS_CALLS, type HnsCalls } from "../../../hcs/win32/network/hns-calls.ts";
import type { BlockingCalls } from "../../../hcs/win32/threads/messages.ts";
import { NativeThread, type ThreadCalls } from "../../../hcs/win32/threads/native-thread.ts";
import { embeddedText } from "../../bootstrap/embedded.ts";

/** An executable of ours carries the code of a thread for calls that block; a program of somebody else's does not. */
export function windowsNetworks(): Win32HostNetworks {
  if (!isSea()) return new Win32HostNetworks({ hcn: inline(HCN_CALLS), hns: inline(HNS_CALLS) });
  const thread = new NativeThread("network", { code: embeddedText("native-calls.cjs") });
  return new Win32HostNetworks({ hcn: thread.calls<HcnCalls>("hcn"), hns: thread.calls<HnsCalls>("hns") });
}

/** Made where they stand: each keeps the program waiting for the service, as a rule some milliseconds. */
function inline<C extends BlockingCalls>(calls: C): ThreadCalls<C> {
  const entries = Object.entries(calls).map(([name, call]) => [
    name,
    async (args: never[]): Promise<unknown> => call.apply(calls, args),
  ]);
  return Object.fromEntries(entries) as ThreadCalls<C>;
}
