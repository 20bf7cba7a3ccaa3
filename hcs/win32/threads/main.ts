/** What a thread for native calls runs: every call that may block, by topic. Which thread does which is up to their owners. */
import { ACCOUNT_CALLS } from "../jobs/account-calls.ts";
import { JOB_EVENT_CALLS } from "../jobs/job-events.ts";
import { LAUNCH_CALLS } from "../jobs/launch-calls.ts";
import { HCN_CALLS } from "../network/hcn-calls.ts";
import { HNS_CALLS } from "../network/hns-calls.ts";
import { ACCESS_CALLS } from "../storage/access-calls.ts";
import { LAYER_CALLS } from "../storage/layer-calls.ts";
import { VOLUME_CALLS } from "../storage/volume-calls.ts";
import { serveCalls } from "./serve-calls.ts";

serveCalls({
  access: ACCESS_CALLS,
  accounts: ACCOUNT_CALLS,
  hcn: HCN_CALLS,
  hns: HNS_CALLS,
  jobEvents: JOB_EVENT_CALLS,
  launches: LAUNCH_CALLS,
  layers: LAYER_CALLS,
  volumes: VOLUME_CALLS,
});
