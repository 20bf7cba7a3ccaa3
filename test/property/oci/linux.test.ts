import assert from "node:assert/strict";
import fc from "fast-check";
import { ANNOTATION_TOPICS } from "../../../oci/annotations/topics.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { chooseBoot } from "../../../oci/documents/linux-boot.ts";
import { linuxContainerDocument } from "../../../oci/documents/linux-container.ts";
import { linuxVmDocument } from "../../../oci/documents/linux-vm.ts";
import { linuxVmOptions } from "../../../oci/documents/linux-vm-options.ts";
import { SpecError } from "../../../oci/errors.ts";
import { linuxLayers } from "../../../oci/linux-layers.ts";
import { linuxMounts } from "../../../oci/linux-mounts.ts";
import { readSpec } from "../../../oci/spec.ts";
import { assignableDevices, specDevices } from "../../../oci/vpci.ts";

/** Runs `build`; the only thing it may throw is a SpecError. */
function specErrorsOnly(build: () => void): void {
  try {
    build();
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
  }
}

const KEYS = ANNOTATION_TOPICS.flatMap(({ rows }) => rows.map(({ key }) => key));
const VALUES = fc.oneof(
  fc.string(),
  fc.constantFrom("true", "false", "0", "1", "-1", "65536", "4294967296", "1,2", "initrd", "vhd", "{}"),
);
const ANNOTATIONS = fc.dictionary(fc.constantFrom(...KEYS), VALUES, { maxKeys: 8 });
const TEXT = fc.oneof(
  fc.string(),
  fc.constantFrom("C:\\x", "sandbox://a", "hugepages://2M/a", "evd://a/b", "blockdev:///dev/x", "uvm://x"),
);
const ANY = fc.jsonValue();

/** A spec whose shape is right here and there, so that rules are reached that nonsense never reaches. */
const SPEC = fc.record(
  {
    annotations: fc.oneof(ANNOTATIONS, ANY),
    hostname: ANY,
    root: fc.oneof(fc.record({ path: TEXT, readonly: fc.boolean() }), ANY),
    process: ANY,
    mounts: fc.oneof(
      fc.array(
        fc.record(
          {
            destination: TEXT,
            type: fc.oneof(
              fc.constantFrom("bind", "virtual-disk", "physical-disk", "extensible-virtual-disk", "proc"),
              TEXT,
            ),
            source: TEXT,
            options: fc.array(fc.constantFrom("ro", "RO", "rbind", "x")),
          },
          { requiredKeys: [] },
        ),
      ),
      ANY,
    ),
    linux: fc.oneof(
      fc.record(
        { resources: fc.oneof(fc.record({ cpu: ANY, pids: ANY }), ANY), seccomp: ANY, namespaces: ANY },
        { requiredKeys: [] },
      ),
      ANY,
    ),
    windows: fc.oneof(
      fc.record(
        {
          devices: fc.oneof(fc.array(fc.record({ id: TEXT, idType: fc.constantFrom("gpu", "class") })), ANY),
          network: ANY,
          resources: ANY,
        },
        { requiredKeys: [] },
      ),
      ANY,
    ),
  },
  { requiredKeys: [] },
);

describe("documents of Linux containers", () => {
  it("come of any spec, or a SpecError does, and the spec stays as it was", () => {
    fc.assert(
      fc.property(SPEC, (given) => {
        const before = JSON.stringify(given);
        specErrorsOnly(() => {
          const spec = readSpec(given);
          linuxMounts(spec, "/run/gcs/c/x");
          assignableDevices(spec);
        });
        specErrorsOnly(() => {
          const spec = readSpec(given);
          const reader = new AnnotationReader(spec.annotations);
          const mounts = new Map([[0, { source: "/x", type: "none" }]]);
          linuxContainerDocument({ id: "x", spec, reader, mounts, scratchPath: "/s", networkNamespace: "n" });
          specDevices(spec);
        });
        assert.equal(JSON.stringify(given), before);
      }),
    );
  });

  it("come of any layers, or a SpecError does", () => {
    const type = fc.oneof(fc.constantFrom("lcow-layer", "lcow-partitioned-layer"), fc.string());
    const option = fc
      .tuple(fc.constantFrom("parentLayerPaths", "scratch", "parent-partitioned-layers", "rw"), fc.json())
      .map(([name, value]) => `${name}=${value}`);
    const mount = fc.record({
      type,
      source: fc.string(),
      target: fc.constantFrom("", "x"),
      options: fc.array(option),
    });
    const folders = fc.array(fc.string(), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(mount, { maxLength: 2 }), folders, (rootfs, layers) => {
        specErrorsOnly(() => linuxLayers(rootfs, layers));
      }),
    );
  });
});

describe("documents of Linux VMs", () => {
  it("come of any annotations, or a SpecError does", () => {
    const build = fc.constantFrom(17763, 18362, 20348, 26100);
    const files = fc.subarray(["kernel", "vmlinux", "initrd.img", "rootfs.vhd", "kernel.vmgs"]);
    fc.assert(
      fc.property(ANNOTATIONS, build, files, fc.boolean(), (annotations, onBuild, present, isArm64) => {
        specErrorsOnly(() => {
          const host = { build: onBuild, logicalProcessors: 4, isArm64 };
          const reader = new AnnotationReader(annotations);
          const options = linuxVmOptions(reader, {}, host, { level: "info", scrub: true });
          const boot = chooseBoot(options, { directory: "C:\\boot", files: present });
          const start = boot.kind === "kernel" ? boot : { kind: boot.kind, guestState: "C:\\b\\g.vmgs" };
          const document = linuxVmDocument({ owner: "o", options, host, start });
          const { Memory, Processor } = document.VirtualMachine?.ComputeTopology ?? {};
          assert.equal((Memory?.SizeInMB ?? 1) % 2, 0);
          assert.ok((Processor?.Count ?? 0) >= 1 && (Processor?.Count ?? 0) <= 4);
        });
      }),
    );
  });
});
