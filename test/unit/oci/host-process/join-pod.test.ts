import assert from "node:assert/strict";
import { joinPod, type JoinInputs } from "../../../../oci/host-process/join-pod.ts";
import type { Spec } from "../../../../oci/spec.ts";
import { HPC, INHERIT, inVm, linux, onHost, ROOTFS } from "./specs.ts";

type Annotations = Readonly<Record<string, string>>;

function join(pod: Spec, container: Spec, more: Partial<JoinInputs> = {}): Annotations {
  return joinPod({
    pod,
    container,
    guestSupport: pod.windows?.hyperv === true ? true : undefined,
    policy: "required",
    ...more,
  });
}

const PRIVILEGED = { [HPC]: "true" };
const ORDINARY_IN_HOST_POD = /which has no other containers \(found "an ordinary container"\)/;

describe("joinPod", () => {
  describe("who may be in a pod", () => {
    it("takes privileged containers into a VM whose pod is annotated", () => {
      assert.deepEqual(join(inVm(PRIVILEGED), inVm(PRIVILEGED)), PRIVILEGED);
    });

    it("takes ordinary containers into the same VM", () => {
      assert.deepEqual(join(inVm(PRIVILEGED), inVm({})), {});
      assert.deepEqual(join(inVm(PRIVILEGED), inVm({ [HPC]: "false" })), { [HPC]: "false" });
    });

    it("refuses a privileged container in an unprivileged pod", () => {
      assert.throws(() => join(inVm({}), inVm(PRIVILEGED)), /has to be in a privileged pod/);
      assert.throws(() => join(onHost({}), onHost(PRIVILEGED)), /has to be in a privileged pod/);
    });

    it("takes it where the capability of the guest alone decides", () => {
      assert.deepEqual(join(inVm({}), inVm(PRIVILEGED), { policy: "merged" }), PRIVILEGED);
      assert.deepEqual(join(onHost({}), onHost(PRIVILEGED), { policy: "merged" }), PRIVILEGED);
    });

    for (const policy of ["required", "merged"] as const) {
      it(`needs a guest that supports it (${policy})`, () => {
        const unable = { policy, guestSupport: false };
        assert.throws(() => join(inVm(PRIVILEGED), inVm(PRIVILEGED), unable), /Windows Server 2025/);
        assert.deepEqual(join(inVm(PRIVILEGED), inVm({}), unable), {});
      });
    }

    it("allows a privileged container in a privileged pod without changing it", () => {
      assert.deepEqual(join(onHost(PRIVILEGED), onHost(PRIVILEGED)), PRIVILEGED);
    });

    it("refuses an ordinary container in a HostProcess pod of the host", () => {
      assert.throws(() => join(onHost(PRIVILEGED), onHost({})), ORDINARY_IN_HOST_POD);
      assert.throws(() => join(onHost(PRIVILEGED), inVm({})), ORDINARY_IN_HOST_POD);
    });

    it("refuses a privileged container of a VM in a HostProcess pod of the host", () => {
      assert.throws(
        () => join(onHost(PRIVILEGED), inVm(PRIVILEGED)),
        /a hypervisor-isolated HostProcess container/,
      );
    });
  });

  describe("what containers take over", () => {
    const podSays = { ...PRIVILEGED, [INHERIT]: "true", [ROOTFS]: "C:\\test" };

    it("passes user and root file system on to privileged containers in a VM", () => {
      assert.deepEqual(join(inVm(podSays), inVm(PRIVILEGED)), podSays);
    });

    it("passes them on in process isolation", () => {
      assert.deepEqual(join(onHost(podSays), onHost(PRIVILEGED)), podSays);
    });

    it("passes nothing on to ordinary containers", () => {
      assert.deepEqual(join(inVm(podSays), inVm({})), {});
    });

    it("lets the pod's words win", () => {
      const own = { ...PRIVILEGED, [INHERIT]: "false", [ROOTFS]: "C:\\own" };
      assert.deepEqual(join(inVm(podSays), inVm(own)), podSays);
      assert.deepEqual(
        join(inVm({ ...PRIVILEGED, [INHERIT]: "false" }), inVm({ ...PRIVILEGED, [INHERIT]: "true" })),
        {
          ...PRIVILEGED,
          [INHERIT]: "false",
        },
      );
    });

    it("leaves a container its own words where the pod has none", () => {
      const own = { ...PRIVILEGED, [INHERIT]: "true", [ROOTFS]: "C:\\own" };
      assert.deepEqual(join(inVm(PRIVILEGED), inVm(own)), own);
    });

    it("passes on to a privileged container in a VM whatever its pod is, where the policy lets it in", () => {
      const pod = inVm({ [INHERIT]: "true" });
      assert.deepEqual(join(pod, inVm(PRIVILEGED), { policy: "merged" }), {
        ...PRIVILEGED,
        [INHERIT]: "true",
      });
    });

    it("passes nothing on in an ordinary process-isolated pod", () => {
      const pod = onHost({ [INHERIT]: "true", [ROOTFS]: "C:\\r" });
      assert.deepEqual(join(pod, onHost(PRIVILEGED), { policy: "merged" }), PRIVILEGED);
    });
  });

  describe("ordinary containers never inherit the user", () => {
    it("flips the annotation to false in a privileged pod", () => {
      assert.deepEqual(join(inVm(PRIVILEGED), inVm({ [INHERIT]: "true" })), { [INHERIT]: "false" });
    });

    it("flips it in every pod, whatever the text", () => {
      assert.deepEqual(join(inVm({}), inVm({ [INHERIT]: "1" })), { [INHERIT]: "false" });
      assert.deepEqual(join(onHost({}), onHost({ [INHERIT]: "true" })), { [INHERIT]: "false" });
      assert.deepEqual(join(linux({}), linux({ ...PRIVILEGED, [INHERIT]: "true" })), {
        ...PRIVILEGED,
        [INHERIT]: "false",
      });
    });

    it("flips it where both are annotated True, which makes nobody privileged", () => {
      const almost = { [HPC]: "True", [INHERIT]: "true" };
      assert.deepEqual(join(inVm(almost), inVm(almost)), { [HPC]: "True", [INHERIT]: "false" });
    });

    it("leaves an empty or absent annotation alone", () => {
      assert.deepEqual(join(inVm(PRIVILEGED), inVm({ [INHERIT]: "" })), { [INHERIT]: "" });
      assert.deepEqual(join(inVm(PRIVILEGED), inVm({})), {});
    });
  });

  it("changes neither spec", () => {
    const pod = inVm({ ...PRIVILEGED, [INHERIT]: "true" });
    const container = inVm(PRIVILEGED);
    const before = JSON.stringify([pod, container]);
    join(pod, container);
    assert.equal(JSON.stringify([pod, container]), before);
  });
});
