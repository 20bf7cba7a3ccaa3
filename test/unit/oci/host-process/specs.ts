/** Specs of the four kinds that HostProcess rules are about. */
import * as ANNOTATION from "../../../../oci/annotations/catalogue.ts";
import { readSpec, type Spec } from "../../../../oci/spec.ts";

export const HPC: string = ANNOTATION.hostProcess.key;
export const INHERIT: string = ANNOTATION.inheritUser.key;
export const ROOTFS: string = ANNOTATION.rootfsLocation.key;

type Annotations = Readonly<Record<string, string>>;

export function spec(annotations: Annotations, sections: object, process: object = {}): Spec {
  return readSpec({
    ociVersion: "1.1.0",
    process: { user: { username: "app" }, cwd: "C:\\", ...process },
    annotations,
    ...sections,
  });
}

/** Process-isolated. */
export const onHost = (annotations: Annotations, process?: object): Spec =>
  spec(annotations, { windows: {} }, process);
/** Hypervisor-isolated. */
export const inVm = (annotations: Annotations, process?: object): Spec =>
  spec(annotations, { windows: { hyperv: {} } }, process);
export const linux = (annotations: Annotations): Spec =>
  spec(annotations, { linux: {}, windows: { hyperv: {} } });
