/** `boundary`: what crosses into the VM of a pod, and who reads it. */
import { Diag } from "../../protos/gen/diag.ts";
import type { BoundaryReport } from "../service/boundary-report.ts";
import { JSON_FLAG, SHIM_FLAGS, type Command } from "./command.ts";
import { BUNDLE_FLAG, withShim } from "./shim-client.ts";
import { formatTable } from "./table.ts";

export const boundary: Command = {
  name: "boundary",
  usage: "hcsctl boundary ID [--bundle DIR] [--address PATH] [--namespace NS] [--json]",
  summary: "list everything that crosses the boundary of a pod's VM",
  help: `Shares, disks and channels as they are now, and the level they are held to (option boundary.level).`,
  flags: [...SHIM_FLAGS, BUNDLE_FLAG, JSON_FLAG],
  arity: [1, 1],
  run: async (context) => {
    const { flags, print, arguments: words } = context;
    const { json } = await withShim(context, (client) =>
      client.call(Diag, "Boundary", { id: words[0] ?? "" }),
    );
    const report = JSON.parse(json) as BoundaryReport;
    print(flags["json"] === true ? `${JSON.stringify(report, null, 2)}\n` : boundaryText(report));
  },
};

/** For people. */
export function boundaryText(report: BoundaryReport): string {
  if (report.isolation === "process")
    return `pod ${report.pod} is isolated as a process: its boundary is the kernel of the host\n`;
  const rights = ({ readOnly }: { readonly readOnly: boolean }): string =>
    readOnly ? "read-only" : "writable";
  const rows = [
    ...report.shares.map((share) => ["share", share.protocol, rights(share), share.path]),
    ...report.disks.map((disk) => ["disk", "scsi", rights(disk), disk.path]),
    ...report.channels.map(({ name, serviceId, direction, parser }) => [
      ...["channel", serviceId, direction],
      `${name} (${parser})`,
    ]),
  ];
  const columns = ["KIND", "BY", "HOW", "WHAT"].map((title) => ({ title }));
  return `pod ${report.pod}: VM ${report.vmId ?? ""}, level ${report.level ?? ""}, ${report.shares.length} shares\n${formatTable(columns, rows)}`;
}
