/** The payload of a Stats reply, in the form that the platform's containerd reads. */
import type { BackendTraits } from "../../hcs/api.ts";
import { packAny } from "../../protos/any.ts";
import { Metrics } from "../../protos/gen/cgroups-v1.ts";
import type { Any } from "../../protos/gen/google.ts";
import { Statistics } from "../../protos/gen/stats.ts";
import type { TaskUsage } from "../task/container.ts";
import { completeLinuxMetrics, linuxMetrics } from "./linux-metrics.ts";
import { vmStatistics } from "./vm-statistics.ts";
import { metricsOfWindows, windowsStatistics } from "./windows-statistics.ts";

type Form = BackendTraits["statistics"];

const FORMS: Readonly<Record<Form, (usage: TaskUsage) => Any>> = {
  // Containerd on Linux has no form for Windows containers: what they have used is told in that of Linux ones.
  cgroups: ({ LCOWMetrics, Statistics: windows }) =>
    packAny(Metrics, completeLinuxMetrics(LCOWMetrics ?? (windows && metricsOfWindows(windows)) ?? {})),
  runhcs: ({ LCOWMetrics, Statistics: windows, vm }) =>
    packAny(Statistics, {
      linux: LCOWMetrics === undefined ? undefined : linuxMetrics(LCOWMetrics),
      windows: windows === undefined ? undefined : windowsStatistics(windows),
      vm: vm && vmStatistics(vm),
    }),
};

export function statsPayload(form: Form, usage: TaskUsage): Any {
  return FORMS[form](usage);
}
