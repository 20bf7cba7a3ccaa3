/**
 * What is stated about HostProcess containers, as far as pure functions decide it, by the numbers of the statements. Those
 * that take a whole pod to show are in test/unit/shim/pod/host-process-statements.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hostProcessKind, type HostProcessKind } from "../../../../oci/host-process/classify.ts";
import { guestProcess } from "../../../../oci/host-process/guest-process.ts";
import { joinPod, type PodAnnotationPolicy } from "../../../../oci/host-process/join-pod.ts";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { hostedDocument, type HostProcessDialect } from "../../../../oci/documents/windows-container.ts";
import { isIsolated } from "../../../../oci/isolation.ts";
import { stringifyJson } from "../../../../hcs/json.ts";
import { readProcess, readSpec, withAnnotations, type Spec } from "../../../../oci/spec.ts";
import { HPC, INHERIT, inVm, linux, onHost, ROOTFS, spec } from "./specs.ts";

const PRIVILEGED = { [HPC]: "true" };
const BOTH_WORDS = { [INHERIT]: "true", [ROOTFS]: "C:\\test" };
const POLICIES: readonly PodAnnotationPolicy[] = ["required", "merged"];

/** The container as it is once it belongs to the pod. */
function joined(
  pod: Spec,
  container: Spec,
  policy: PodAnnotationPolicy = "required",
  guestSupport: boolean | undefined = isIsolated(pod) ? true : undefined,
): Spec {
  return withAnnotations(container, joinPod({ pod, container, policy, guestSupport }));
}

/** Who the first process of the container runs as, in the end. */
function userOf(container: Spec): string | undefined {
  assert.ok(container.process);
  return guestProcess(container, container.process).username;
}

function argsOf(task: Spec, args: readonly string[]): readonly string[] {
  return guestProcess(task, readProcess({ cwd: "C:\\", args }, "/process")).args;
}

function lineOf(task: Spec, commandLine: string): string | undefined {
  return guestProcess(task, readProcess({ cwd: "C:\\", commandLine }, "/process")).commandLine;
}

function documentOf(dialect: HostProcessDialect, rootPath: string | undefined): string {
  const container = inVm(PRIVILEGED);
  return stringifyJson(
    hostedDocument(new AnnotationReader(container.annotations), {
      id: "c1",
      spec: container,
      placement: { kind: "vm", build: 26100, processors: 2, hostProcessors: 8, scaleProcessorLimit: false },
      rootPath: "c:\\mounts\\scsi\\m0",
      layers: [],
      directories: [],
      pipes: [],
      devices: [],
      hostProcess: { dialect, ...(rootPath === undefined ? {} : { rootPath }) },
    }),
  );
}

describe("HostProcess statements", () => {
  describe("S9: one central function does configuration and pass-through", () => {
    it("S9: from the specs of pod and container and what the guest can, to the container's annotations or an error", () => {
      const pod = inVm({ ...PRIVILEGED, ...BOTH_WORDS });
      const inputs = { pod, container: inVm(PRIVILEGED), policy: "required" } as const;
      assert.deepEqual(joinPod({ ...inputs, guestSupport: true }), { ...PRIVILEGED, ...BOTH_WORDS });
      assert.throws(() => joinPod({ ...inputs, guestSupport: false }), { name: "SpecError" });
    });

    it("S9: it is pure: neither spec changes, and it says the same again", () => {
      const pod = inVm({ ...PRIVILEGED, ...BOTH_WORDS });
      const container = inVm(PRIVILEGED);
      const before = structuredClone([pod, container]);
      assert.deepEqual(joined(pod, container), joined(pod, container));
      assert.deepEqual([pod, container], before);
    });
  });

  describe("S12: arguments are prefixed with cmd /c where necessary", () => {
    const task = inVm(PRIVILEGED);

    it("S12: a command line", () => assert.equal(lineOf(task, "echo hello"), "cmd /c echo hello"));
    it("S12: arguments", () => assert.deepEqual(argsOf(task, ["echo", "x"]), ["cmd", "/c", "echo", "x"]));

    for (const line of [
      "cmd /c dir",
      "CMD /C whoami",
      "  cmd /c echo spaced",
      "c:/windows/system32/cmd.exe /c x",
    ])
      it(`S12: not ${JSON.stringify(line)}, which is by way of cmd already`, () =>
        assert.equal(lineOf(task, line), line));
    for (const program of ["cmd", "CMD", "  Cmd.exe ", "C:\\Windows\\System32\\cmd.exe"])
      it(`S12: not arguments that begin with ${JSON.stringify(program)}`, () =>
        assert.deepEqual(argsOf(task, [program, "/c"]), [program, "/c"]));

    it("S12: not where there is nothing to run", () => assert.deepEqual(argsOf(task, []), []));
    it("S12: not in normal containers", () => assert.deepEqual(argsOf(inVm({}), ["echo"]), ["echo"]));
    it("S12: not in HostProcess containers of the host, where the shim finds the program itself", () =>
      assert.deepEqual(argsOf(onHost(PRIVILEGED), ["echo"]), ["echo"]));
    it("S12: names that only begin with cmd are other programs", () => {
      assert.equal(lineOf(task, "cmdkey /list"), "cmd /c cmdkey /list");
      assert.deepEqual(argsOf(task, ["cmdkey"]), ["cmd", "/c", "cmdkey"]);
    });
  });

  it("S15, S16: joining a pod and rewriting processes have suites of rules, and every statement has a test", () => {
    const text = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");
    assert.match(text("join-pod.test.ts"), /describe\("joinPod"/);
    assert.match(text("guest-process.test.ts"), /describe\("guestProcess"/);
    const here = text("statements.test.ts") + text("../../shim/pod/host-process-statements.test.ts");
    const stated = new Set(
      [...here.matchAll(/it\(\s*["'`]((?:S\d+(?:, )?)+):/g)].flatMap(([, numbers = ""]) =>
        numbers.split(", "),
      ),
    );
    const all = Array.from({ length: 30 }, (_, index) => `S${index + 1}`);
    assert.deepEqual(
      all.filter((number) => !stated.has(number)),
      [],
    );
  });

  describe("S18: what a HostProcess container is, across isolation and operating systems", () => {
    const CASES: readonly (readonly [string, (annotations: object) => Spec, HostProcessKind, boolean])[] = [
      ["process-isolated", (a) => onHost(a as Record<string, string>), "host", false],
      ["hypervisor-isolated", (a) => inVm(a as Record<string, string>), "guest", true],
      ["Linux", (a) => spec(a as Record<string, string>, { linux: {} }), "none", true],
      ["Linux with a windows section", (a) => linux(a as Record<string, string>), "none", true],
      ["of neither system", (a) => spec(a as Record<string, string>, {}), "none", false],
    ];
    for (const [name, make, annotated, isolated] of CASES) {
      it(`S18: annotated true, ${name}: kind ${annotated}, ${isolated ? "" : "not "}isolated`, () => {
        assert.equal(hostProcessKind(make(PRIVILEGED)), annotated);
        assert.equal(isIsolated(make(PRIVILEGED)), isolated);
      });
      it(`S18: annotated false or not at all, ${name}: none`, () => {
        for (const annotations of [{ [HPC]: "false" }, {}])
          assert.equal(hostProcessKind(make(annotations)), "none");
      });
    }
    for (const text of ["True", "TRUE", "1", " true", ""])
      it(`S18: the annotation ${JSON.stringify(text)} makes nobody privileged`, () => {
        assert.equal(hostProcessKind(onHost({ [HPC]: text })), "none");
        assert.equal(hostProcessKind(inVm({ [HPC]: text })), "none");
      });
  });

  it("S19: refuses a privileged container in an unprivileged sandbox", () => {
    assert.throws(() => joined(inVm({}), inVm(PRIVILEGED)), {
      name: "SpecError",
      message: /a privileged container has to be in a privileged pod/,
    });
  });

  it("S19: takes it, unchanged, where the guest's capability alone decides", () => {
    const container = inVm(PRIVILEGED);
    assert.deepEqual(joined(inVm({}), container, "merged"), container);
  });

  for (const policy of POLICIES) {
    for (const [isolation, make] of Object.entries({ process: onHost, hypervisor: inVm })) {
      it(`S20: allows a privileged container in a privileged sandbox, unchanged when nothing is to pass (${isolation}, ${policy})`, () => {
        const container = make(PRIVILEGED);
        assert.deepEqual(joined(make(PRIVILEGED), container, policy), container);
      });
    }

    it(`S21: refuses a normal container in a process-isolated HostProcess sandbox (${policy})`, () => {
      assert.throws(() => joined(onHost(PRIVILEGED), onHost({}), policy), {
        name: "SpecError",
        message: /its pod is a HostProcess pod of the host, which has no other containers/,
      });
    });

    it(`S22: allows a normal container in a hypervisor-isolated HostProcess sandbox, unchanged (${policy})`, () => {
      for (const container of [onHost({}), inVm({})])
        assert.deepEqual(joined(inVm(PRIVILEGED), container, policy), container);
    });

    it(`S23: passes both annotations on to privileged containers, hypervisor-isolated (${policy})`, () => {
      const { annotations } = joined(inVm({ ...PRIVILEGED, ...BOTH_WORDS }), inVm(PRIVILEGED), policy);
      assert.deepEqual(annotations, { ...PRIVILEGED, ...BOTH_WORDS });
    });

    it(`S24: passes both annotations on to privileged containers, process-isolated (${policy})`, () => {
      const { annotations } = joined(onHost({ ...PRIVILEGED, ...BOTH_WORDS }), onHost(PRIVILEGED), policy);
      assert.deepEqual(annotations, { ...PRIVILEGED, ...BOTH_WORDS });
    });

    it(`S25: passes nothing on to normal containers (${policy})`, () => {
      for (const container of [onHost({}), inVm({})])
        assert.deepEqual(joined(inVm({ ...PRIVILEGED, ...BOTH_WORDS }), container, policy), container);
    });

    it(`S26: sets user SYSTEM for hypervisor-isolated privileged containers that inherit (${policy})`, () => {
      const container = joined(inVm({ ...PRIVILEGED, ...BOTH_WORDS }), inVm(PRIVILEGED), policy);
      assert.equal(userOf(container), "NT AUTHORITY\\SYSTEM");
    });

    it(`S26: sets it for no other that inherit (${policy})`, () => {
      const ofHost = joined(onHost({ ...PRIVILEGED, ...BOTH_WORDS }), onHost(PRIVILEGED), policy);
      assert.equal(ofHost.annotations[INHERIT], "true");
      assert.equal(userOf(ofHost), "app");
    });

    it(`S27: leaves the user of a normal container as it is, even if the pod inherits (${policy})`, () => {
      const container = joined(inVm({ ...PRIVILEGED, [INHERIT]: "true" }), inVm({}), policy);
      assert.deepEqual(container, inVm({}));
      assert.equal(userOf(container), "app");
    });

    it(`S28: flips inherit-user to false for normal containers, and leaves their user (${policy})`, () => {
      const container = joined(inVm(PRIVILEGED), inVm({ [INHERIT]: "true" }), policy);
      assert.deepEqual(container.annotations, { [INHERIT]: "false" });
      assert.equal(userOf(container), "app");
    });
  }

  const REST =
    '"Processor":{},"RegistryChanges":{"AddValues":[{"Key":{"Hive":"System","Name":"ControlSet001\\\\Control"},"Name":"WaitToKillServiceTimeout","Type":"String","StringValue":"2147483647"}]}';
  const whole = (storage: string, marker: string) =>
    `{"SchemaVersion":{"Major":2,"Minor":1},"Container":{"Storage":{"Path":"c:\\\\mounts\\\\scsi\\\\m0"${storage}},${REST},${marker}}}`;

  it('S29: the marker is the string "HostProcess"', () => {
    assert.equal(documentOf("isolation-type", undefined), whole("", '"IsolationType":"HostProcess"'));
  });

  it("S30: speaks to guests as released, or as first proposed", () => {
    assert.equal(
      documentOf("isolation-type", "C:\\r"),
      whole(',"PrivilegedContainerRootPath":"C:\\\\r"', '"IsolationType":"HostProcess"'),
    );
    assert.equal(
      documentOf("container-type", "C:\\r"),
      whole(',"ContainerRootPath":"C:\\\\r"', '"ContainerType":"HostProcess"'),
    );
    assert.equal(documentOf("container-type", undefined), whole("", '"ContainerType":"HostProcess"'));
  });

  describe("at the edges", () => {
    it("the pod's inherit-user false wins over the container's true", () => {
      const { annotations } = joined(
        inVm({ ...PRIVILEGED, [INHERIT]: "false" }),
        inVm({ ...PRIVILEGED, [INHERIT]: "true" }),
      );
      assert.equal(annotations[INHERIT], "false");
    });

    it("the pod's true and root file system win over the container's false and its own", () => {
      const own = { ...PRIVILEGED, [INHERIT]: "false", [ROOTFS]: "C:\\own" };
      const { annotations } = joined(inVm({ ...PRIVILEGED, ...BOTH_WORDS }), inVm(own));
      assert.deepEqual(annotations, { ...PRIVILEGED, ...BOTH_WORDS });
    });

    it("nothing happens to a container without any annotations", () => {
      const bare = readSpec({ ociVersion: "1.1.0", windows: { hyperv: {} } });
      assert.deepEqual(
        joinPod({
          pod: inVm({ ...PRIVILEGED, ...BOTH_WORDS }),
          container: bare,
          guestSupport: true,
          policy: "required",
        }),
        bare.annotations,
      );
      assert.deepEqual(bare.annotations, {});
    });

    it("an empty inherit-user of a container stays empty", () => {
      assert.equal(joined(inVm(PRIVILEGED), inVm({ [INHERIT]: "" })).annotations[INHERIT], "");
    });

    for (const policy of POLICIES) {
      it(`"True" on both makes nobody privileged: inherit-user becomes false (${policy})`, () => {
        const almost = { [HPC]: "True", [INHERIT]: "true" };
        const container = joined(inVm(almost), inVm(almost), policy);
        assert.deepEqual(container.annotations, { [HPC]: "True", [INHERIT]: "false" });
        assert.equal(userOf(container), "app");
      });

      it(`a Linux container with both annotations is a normal one: inherit-user becomes false (${policy})`, () => {
        const both = { ...PRIVILEGED, [INHERIT]: "true" };
        assert.equal(joined(linux({}), linux(both), policy).annotations[INHERIT], "false");
      });

      it(`a privileged container of a VM is refused in a process-isolated HostProcess pod (${policy})`, () => {
        assert.throws(() => joined(onHost(PRIVILEGED), inVm(PRIVILEGED), policy), { name: "SpecError" });
      });
    }

    it("a privileged container of the host in a normal process-isolated pod gets nothing of its words, where it may be there", () => {
      const container = onHost(PRIVILEGED);
      assert.deepEqual(joined(onHost(BOTH_WORDS), container, "merged"), container);
      assert.throws(() => joined(onHost(BOTH_WORDS), container), /has to be in a privileged pod/);
    });
  });
});
