/** The tour's second part: Windows containers on this machine, with both kinds of isolation. */
import type { Containerd } from "../../test/support/containerd.ts";
import { WindowsImages } from "../../test/support/windows-containers.ts";
import { formatDuration, formatTable } from "../terminal/format.ts";
import type { Reporter } from "../terminal/reporter.ts";

const SHOW =
  'cmd /c "ver & whoami & hostname & reg add HKLM\\Software\\Tour /v Seen /d yes /f > nul & reg query HKLM\\Software\\Tour /v Seen"';
const PRIVILEGED = {
  "microsoft.com/hostprocess-container": "true",
  "microsoft.com/hostprocess-inherit-user": "true",
};

/** Containers by what isolates them. */
const CONTAINERS = [
  { name: "process isolation", id: "win-process", hyperv: false, annotations: {} },
  { name: "hypervisor isolation", id: "win-hyperv", hyperv: true, annotations: {} },
  { name: "HostProcess", id: "win-hostprocess", hyperv: false, annotations: PRIVILEGED },
] as const;

export async function runWindowsTour(reporter: Reporter, containerd: Containerd): Promise<void> {
  reporter.heading("Windows containers, by Wine");
  const images = await reporter.step("base layer of Wine's files", async (update) => {
    const made = await WindowsImages.create();
    update(made.base);
    return made;
  });
  try {
    const rows = [["isolation", "exit", "time", "output"]];
    for (const { name, id, hyperv, annotations } of CONTAINERS) {
      const config = images.spec(id, { commandLine: SHOW, cwd: "", hyperv, annotations });
      const started = performance.now();
      const result = await reporter.step(name, () => containerd.ctr().run(id, { config }));
      const lines = result.stdout
        .toString()
        .split(/\r?\n/)
        .filter((line) => line.trim() !== "");
      const time = formatDuration(performance.now() - started);
      rows.push([name, String(result.code), time, lines[0] ?? result.stderr.trim()]);
      rows.push(...lines.slice(1).map((line) => ["", "", "", line.trim()]));
    }
    reporter.note(...formatTable(rows));
  } finally {
    images.remove();
  }
}
