/** Work that is only thinking. */
import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { linuxContainerDocument } from "../../../oci/documents/linux-container.ts";
import { readSpec } from "../../../oci/spec.ts";
import type { Bench } from "../measure.ts";
import type { Subject } from "../subjects.ts";

const MOUNTS = 40;

function specWithMounts(): object {
  const mounts = Array.from({ length: MOUNTS }, (_, index) => ({
    destination: `/mnt/volume-${index}`,
    type: "bind",
    source: `/var/lib/volumes/${index}`,
    options: ["rbind", index % 2 === 0 ? "ro" : "rw"],
  }));
  return {
    ociVersion: "1.0.2",
    process: { args: ["server"], env: ["A=1", "B=2"], cwd: "/", user: { uid: 0, gid: 0 } },
    root: { path: "rootfs" },
    mounts,
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
  };
}

/** From the text of a spec to the text of its document, once the code has run before. */
export function documentTime(): Promise<number> {
  const text = JSON.stringify(specWithMounts());
  const make = (): string => {
    const spec = readSpec(JSON.parse(text));
    const reader = new AnnotationReader(spec.annotations);
    const scratchPath = "/run/gcs/c/x/scratch/x";
    return JSON.stringify(linuxContainerDocument({ id: "x", spec, reader, mounts: new Map(), scratchPath }));
  };
  make();
  const started = performance.now();
  make();
  return Promise.resolve(performance.now() - started);
}

/** `hcsctl plan` as a person runs it, until it has ended. */
export async function planTime({ containerd }: Subject, { serial }: Bench): Promise<number> {
  const file = join(containerd.directory, `plan-${serial}.json`);
  await writeFile(file, JSON.stringify(specWithMounts()));
  const program = join(import.meta.dirname, "../../../dist/bin/hcsctl");
  const started = performance.now();
  const child = spawn(program, ["plan", "--hypervisor", file], { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const elapsed = performance.now() - started;
  await rm(file);
  if (code !== 0) throw new Error(`cannot plan: hcsctl ended with status ${String(code)}`);
  return elapsed;
}
