/**
 * What is stated about HostProcess containers, as far as it takes a whole pod to show: the shim's own service on a
 * scripted machine. The numbers are those of the statements; the others are in test/unit/oci/host-process/statements.
 */
import assert from "node:assert/strict";
import {
  hypervisor,
  process,
  runPod,
  type Annotations,
  type PodRun,
  type PodScript,
} from "../../../support/host-process-pod.ts";
import { HPC, INHERIT, ROOTFS } from "../../oci/host-process/specs.ts";

const PRIVILEGED = { [HPC]: "true" };
const INHERITING = { ...PRIVILEGED, [INHERIT]: "true" };

const NAMESPACE = "7d3c0c52-90aa-4b1e-9c0b-3f1f2a7e0001";
const ENDPOINT = "7d3c0c52-90aa-4b1e-9c0b-3f1f2a7e0101";
const NETWORK: NonNullable<PodScript["platform"]> = {
  namespaces: [{ id: NAMESPACE, namespaceId: 4, endpoints: [ENDPOINT] }],
  endpoints: [{ ID: ENDPOINT, HostComputeNamespace: NAMESPACE, MacAddress: "00-15-5D-0A-0B-0C" }],
};
const NETWORKED = { windows: { hyperv: {}, network: { networkNamespace: NAMESPACE } } };

/** Of a guest before Windows Server 2025. */
const OLD_GUEST: NonNullable<PodScript["platform"]> = {
  windowsBuild: 20348,
  guestCapabilities: {
    RuntimeOsType: "Windows",
    SendHostCreateMessage: true,
    SendHostStartMessage: true,
    SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
    GuestDefinedCapabilities: { NamespaceAddRequestSupported: true, SignalProcessSupported: true },
  },
};

async function privilegedPod(more: Partial<PodScript> = {}): Promise<PodRun> {
  const run = await runPod({
    pod: hypervisor(PRIVILEGED),
    containers: { c1: hypervisor(PRIVILEGED) },
    ...more,
  });
  assert.deepEqual(run.failures, {});
  return run;
}

function exec(id: string, execId: string, members: object) {
  return [
    { op: "exec", id, execId, process: { cwd: "C:\\", user: { username: "app" }, ...members } },
    { op: "start", id, execId },
  ];
}

describe("HostProcess statements about whole pods", () => {
  describe("S1: HostProcess containers run under hypervisor isolation, as privileged processes in the pod's VM", () => {
    const EXIT = [
      { op: "exit", id: "c1", code: 0 },
      { op: "wait", id: "c1" },
    ];

    it("S1: the guest creates the container and starts its process, the host makes no job and no process", async () => {
      const run = await privilegedPod({ steps: EXIT });
      assert.ok(run.calls("create", "c1").includes("GCS.Create"));
      assert.equal(run.guestProcess("c1")["CommandLine"], "cmd /c whoami");
      assert.equal(run.count("HcsCreateComputeSystem"), 1, "nothing but the VM");
      assert.deepEqual([run.count("JobObject.Create"), run.count("CreateProcess")], [0, 0]);
    });

    it("S1: its process ends with the exit code that the guest tells", async () => {
      const run = await privilegedPod({ steps: EXIT });
      assert.deepEqual([run.event("/tasks/exit")["ID"], run.event("/tasks/exit")["ExitStatus"]], ["c1", 0]);
      assert.equal(run.result("wait", "c1")?.ok, true);
    });
  });

  describe("S2: only guests of Windows Server 2025 or later have HostProcess containers", () => {
    for (const policy of ["required", "merged"]) {
      it(`S2: a guest that does not say it can is not asked to, and the pod keeps working (${policy})`, async () => {
        const run = await runPod({
          pod: hypervisor(PRIVILEGED),
          containers: { c1: hypervisor(PRIVILEGED), c2: hypervisor() },
          platform: OLD_GUEST,
          own: { "host_process.pod_annotation": policy },
        });
        const { error } = run.result("create", "c1") ?? {};
        assert.equal(error?.code, "Unknown");
        assert.match(error?.message ?? "", /Windows Server 2025 or later/);
        assert.deepEqual(run.calls("create", "c1"), []);
        assert.equal(run.guestProcess("c2")["CommandLine"], "whoami");
      });
    }

    it("S2: a guest that says it can is asked to", async () => {
      const run = await privilegedPod({ platform: { windowsBuild: 26100 } });
      assert.equal(run.result("start", "c1")?.ok, true);
    });
  });

  describe("S3: a pod has to be annotated for its VM to hold both kinds", () => {
    const script = { pod: hypervisor(), containers: { c1: hypervisor(PRIVILEGED) } };

    it("S3: without the annotation a privileged container is refused, and nothing is made", async () => {
      const run = await runPod(script);
      assert.match(run.failures["create c1"] ?? "", /a privileged container has to be in a privileged pod/);
      assert.deepEqual(run.calls("create", "c1"), []);
    });

    it("S3: where options leave it to the guest, its capability is enough", async () => {
      const run = await runPod({ ...script, own: { "host_process.pod_annotation": "merged" } });
      assert.deepEqual(run.failures, {});
      assert.equal(run.container("c1")["IsolationType"], "HostProcess");
    });
  });

  it("S4: a container with the annotation becomes a HostProcess container in the VM", async () => {
    const run = await privilegedPod();
    assert.equal(run.container("c1")["IsolationType"], "HostProcess");
  });

  for (const annotations of [{}, { [HPC]: "false" }]) {
    it(`S5: other containers run as normal ones in the same VM (annotations ${JSON.stringify(annotations)})`, async () => {
      const run = await privilegedPod({
        containers: { c1: hypervisor(PRIVILEGED), c2: hypervisor(annotations) },
      });
      assert.ok(!("IsolationType" in run.container("c2")));
      assert.equal(run.guestProcess("c1")["CommandLine"], "cmd /c whoami");
      assert.equal(run.guestProcess("c2")["CommandLine"], "whoami");
      assert.equal(run.count("HcsCreateComputeSystem"), 1);
    });
  }

  describe("S6: the guest creates HostProcess containers from the spec, as process isolation does", () => {
    const wish = {
      mounts: [{ source: "C:\\hostdata", destination: "C:\\in\\data", options: ["ro"] }],
      process: {
        cwd: "%CONTAINER_SANDBOX_MOUNT_POINT%\\app",
        env: ["CFG=$env:CONTAINER_SANDBOX_MOUNT_POINT\\cfg", "X=1"],
        args: ["%CONTAINER_SANDBOX_MOUNT_POINT%\\tool.exe"],
      },
    };
    const ROOT = "%CONTAINER_SANDBOX_MOUNT_POINT%";

    it("S6: hands the guest mounts, environment and directory as for any container, the variable unresolved", async () => {
      const run = await privilegedPod({
        containers: { c1: hypervisor(PRIVILEGED, wish), c2: hypervisor({}, wish) },
      });
      const mine = run.guestProcess("c1");
      const other = run.guestProcess("c2");
      assert.deepEqual({ ...mine }, { ...other, CommandLine: `cmd /c ${ROOT}\\tool.exe` });
      assert.deepEqual(mine["Environment"], {
        CFG: "$env:CONTAINER_SANDBOX_MOUNT_POINT\\cfg",
        X: "1",
      });
      assert.equal(mine["WorkingDirectory"], `${ROOT}\\app`);
      assert.equal((run.container("c1")["MappedDirectories"] as object[]).length, 1);
      assert.deepEqual(run.container("c1")["MappedDirectories"], run.container("c2")["MappedDirectories"]);
    });

    it("S6: in process isolation the shim sets the variable, and resolves it, itself", async () => {
      const run = await runPod({ pod: process(INHERITING), containers: { c1: process(PRIVILEGED, wish) } });
      assert.deepEqual(run.failures, {});
      const { commandLine, environment, workingDirectory } = run.jobProcess("c1");
      assert.equal(commandLine, "cmd /c C:\\hpc\\tool.exe");
      assert.equal(workingDirectory, "C:\\hpc\\app");
      for (const entry of ["CONTAINER_SANDBOX_MOUNT_POINT=C:\\hpc\\", "CFG=C:\\hpc\\cfg", "X=1"])
        assert.ok((environment as string[]).includes(entry), entry);
      const bindings = run
        .trace("create", "c1")
        .filter(({ call }) => call === "JobObject.ApplyFileBinding")
        .map(({ root, target, readOnly }) => [root, target, readOnly]);
      assert.deepEqual(bindings.at(-1), ["C:\\in\\data", "C:\\hostdata", true]);
    });
  });

  describe("S7: to inherit the user is to be SYSTEM inside the VM", () => {
    const steps = exec("c1", "e", { args: ["echo", "x"], user: { username: "other" } });

    for (const [who, pod, container] of [
      ["its pod", INHERITING, PRIVILEGED],
      ["the container", PRIVILEGED, INHERITING],
    ] as const) {
      it(`S7: first process and execs run as SYSTEM where ${who} says so`, async () => {
        const run = await privilegedPod({
          pod: hypervisor(pod),
          containers: { c1: hypervisor(container) },
          steps,
        });
        assert.equal(run.guestProcess("c1")["User"], "NT AUTHORITY\\SYSTEM");
        assert.equal(run.guestProcess("c1", "e")["User"], "NT AUTHORITY\\SYSTEM");
      });
    }

    it("S7: else they run as whom their specs name", async () => {
      const run = await privilegedPod({ steps });
      assert.equal(run.guestProcess("c1")["User"], "app");
      assert.equal(run.guestProcess("c1", "e")["User"], "other");
    });
  });

  describe("S8: the root file system is a virtual directory of its own, C:\\hpc by default", () => {
    const rootOf = (run: PodRun) =>
      (run.container("c1")["Storage"] as Annotations)["PrivilegedContainerRootPath"];

    it("S8: hands the guest the directory of the annotation", async () => {
      const containers = { c1: hypervisor({ ...PRIVILEGED, [ROOTFS]: "C:\\data\\root" }) };
      assert.equal(rootOf(await privilegedPod({ containers })), "C:\\data\\root");
    });

    it("S8: hands the guest none without it: C:\\hpc is the guest's own choice", async () => {
      assert.equal(rootOf(await privilegedPod()), undefined);
    });

    it("S8: refuses a directory of the guest's own, and the pod keeps working", async () => {
      const run = await runPod({
        pod: hypervisor(PRIVILEGED),
        containers: {
          c1: hypervisor({ ...PRIVILEGED, [ROOTFS]: "C:\\data\\..\\Windows" }),
          c2: hypervisor(PRIVILEGED),
        },
      });
      assert.match(
        run.failures["create c1"] ?? "",
        /unsafe path detected: must not be C:\\Windows or inside it/,
      );
      assert.ok(!run.calls("create", "c1").includes("GCS.Create"));
      assert.equal(run.result("start", "c2")?.ok, true);
    });

    it("S8: in process isolation binds C:\\hpc, or the directory of the annotation, itself", async () => {
      const rootOfJob = async (annotations: Annotations) => {
        const run = await runPod({ pod: process(INHERITING), containers: { c1: process(annotations) } });
        assert.deepEqual(run.failures, {});
        return run.trace("create", "c1").find(({ call }) => call === "JobObject.ApplyFileBinding")?.["root"];
      };
      assert.equal(await rootOfJob(PRIVILEGED), "C:\\hpc\\");
      assert.equal(await rootOfJob({ ...PRIVILEGED, [ROOTFS]: "C:\\data\\" }), "C:\\data\\");
    });
  });

  describe("S10: combinations of pods and containers are enforced", () => {
    type Outcome = "host" | "job" | "vm" | "privileged" | RegExp;
    const OTHER_POD = /has to be in a privileged pod/;
    const HOST_POD = /its pod is a HostProcess pod of the host/;
    const ISOLATION = /must be isolated as its pod is/;
    const KINDS = {
      "process-isolated": process(),
      "process-isolated HostProcess": process(INHERITING),
      "hypervisor-isolated": hypervisor(),
      "hypervisor-isolated HostProcess": hypervisor(INHERITING),
    };
    /** For each kind of pod, what comes of containers of these kinds, in this order. */
    const MATRIX: Readonly<Record<string, Readonly<Record<keyof typeof KINDS, readonly Outcome[]>>>> = {
      required: {
        "process-isolated": ["host", OTHER_POD, ISOLATION, OTHER_POD],
        "process-isolated HostProcess": [HOST_POD, "job", HOST_POD, HOST_POD],
        "hypervisor-isolated": ["vm", OTHER_POD, "vm", OTHER_POD],
        "hypervisor-isolated HostProcess": ["vm", OTHER_POD, "vm", "privileged"],
      },
      merged: {
        "process-isolated": ["host", "job", ISOLATION, ISOLATION],
        "process-isolated HostProcess": [HOST_POD, "job", HOST_POD, HOST_POD],
        "hypervisor-isolated": ["vm", ISOLATION, "vm", "privileged"],
        "hypervisor-isolated HostProcess": ["vm", ISOLATION, "vm", "privileged"],
      },
    };

    for (const [policy, rows] of Object.entries(MATRIX)) {
      for (const [podKind, outcomes] of Object.entries(rows) as [keyof typeof KINDS, Outcome[]][]) {
        for (const [index, kind] of (Object.keys(KINDS) as (keyof typeof KINDS)[]).entries()) {
          const expected = outcomes[index];
          const verdict = typeof expected === "string" ? `goes to "${expected}"` : "is refused";
          it(`S10: a ${kind} container in a ${podKind} pod ${verdict} (${policy})`, async () => {
            const run = await runPod({
              pod: KINDS[podKind],
              containers: { c1: KINDS[kind] },
              own: { "host_process.pod_annotation": policy },
            });
            if (typeof expected === "string") assert.equal(placeOf(run), expected);
            else {
              const { error } = run.result("create", "c1") ?? {};
              assert.equal(error?.code, "Unknown");
              assert.match(error.message, expected ?? /./);
              assert.deepEqual(run.calls("create", "c1"), []);
            }
          });
        }
      }
    }

    function placeOf(run: PodRun): Outcome {
      assert.deepEqual(run.failures, {});
      const calls = run.calls("create", "c1");
      if (calls.includes("JobObject.Create")) return "job";
      if (calls.includes("HcsCreateComputeSystem")) return "host";
      return "IsolationType" in run.container("c1") ? "privileged" : "vm";
    }
  });

  describe("S11: new members of container and storage say so to the guest", () => {
    const DIALECTS = {
      "isolation-type": ["IsolationType", "PrivilegedContainerRootPath"],
      "container-type": ["ContainerType", "ContainerRootPath"],
    } as const;
    const annotations = { ...PRIVILEGED, [ROOTFS]: "C:\\r\\" };
    const DOCUMENTED: readonly (readonly [string, object, object, boolean])[] = [
      ["a HostProcess container in a VM", hypervisor(PRIVILEGED), hypervisor(annotations), true],
      ["a normal container in its VM", hypervisor(PRIVILEGED), hypervisor({ [ROOTFS]: "C:\\r" }), false],
    ];

    for (const [dialect, [marker, root]] of Object.entries(DIALECTS)) {
      for (const [name, pod, c1, marked] of DOCUMENTED) {
        it(`S11: ${name} has ${marked ? `${marker} and ${root}` : "neither"} (${dialect})`, async () => {
          const own = { "host_process.dialect": dialect };
          const container = (await privilegedPod({ pod, containers: { c1 }, own })).container("c1");
          const storage = container["Storage"] as Annotations;
          const known = new Set<string>(Object.values(DIALECTS).flat());
          const found = [...Object.entries(container), ...Object.entries(storage)].filter(([key]) =>
            known.has(key),
          );
          const members = [
            [marker, "HostProcess"],
            [root, "C:\\r"],
          ];
          assert.deepEqual(found, marked ? members : []);
        });
      }
    }

    it("S11: containers of the host have neither: one is a job without a document", async () => {
      const job = await runPod({ pod: process(INHERITING), containers: { c1: process(annotations) } });
      assert.equal(job.count("HcsCreateComputeSystem"), 0);
      const plain = await runPod({ pod: process(), containers: { c1: process({ [ROOTFS]: "C:\\r" }) } });
      const { Storage, IsolationType, ContainerType } = plain.container("c1");
      assert.deepEqual([IsolationType, ContainerType], [undefined, undefined]);
      assert.deepEqual(Object.keys(Storage as object).sort(), ["Layers", "Path"]);
    });
  });

  describe("S13: processes are rewritten when containers and when execs are created", () => {
    it("S13: an exec in a HostProcess container goes by way of cmd, one in a normal container of its pod does not", async () => {
      const run = await privilegedPod({
        containers: { c1: hypervisor(PRIVILEGED), c2: hypervisor() },
        steps: [...exec("c1", "e", { args: ["echo", "x"] }), ...exec("c2", "e", { args: ["echo", "x"] })],
      });
      assert.equal(run.guestProcess("c1")["CommandLine"], "cmd /c whoami");
      assert.equal(run.guestProcess("c1", "e")["CommandLine"], "cmd /c echo x");
      assert.equal(run.guestProcess("c2", "e")["CommandLine"], "echo x");
    });
  });

  describe("S14: creation distinguishes HostProcess containers of the host from those of a VM", () => {
    it("S14: one of the host is a job", async () => {
      const run = await runPod({ pod: process(INHERITING), containers: { c1: process(PRIVILEGED) } });
      assert.deepEqual(run.failures, {});
      assert.deepEqual(run.calls("create", "c1").slice(0, 1), ["JobObject.Create"]);
      assert.deepEqual([run.count("GCS.Create"), run.count("HcsCreateComputeSystem")], [0, 0]);
      assert.equal(run.jobProcess("c1")["commandLine"], "cmd /c whoami");
    });

    it("S14: one of a VM is a container of its guest", async () => {
      const run = await privilegedPod();
      assert.equal(run.count("JobObject.Create"), 0);
      assert.ok(run.calls("create", "c1").includes("GCS.Create"));
    });
  });

  describe("S17: HostProcess containers in a VM have no network", () => {
    const isNetwork = (entry: object) =>
      /"(?:Network|NetworkNamespace)"|NetworkAdapters/.test(JSON.stringify(entry));

    it("S17: hands the guest no interface for one, and starts it all the same; a guest keeps it from those of the VM", async () => {
      const run = await privilegedPod({
        pod: hypervisor(PRIVILEGED, NETWORKED),
        containers: { c1: hypervisor(PRIVILEGED) },
        platform: NETWORK,
      });
      assert.ok(run.trace("create", "pod1").some(isNetwork), "the VM has the pod's network");
      const asked = [...run.trace("create", "c1"), ...run.trace("start", "c1")];
      assert.deepEqual(asked.filter(isNetwork), []);
      assert.ok(!("Networking" in run.container("c1")));
      assert.equal(run.result("start", "c1")?.ok, true);
    });

    it("S17: names the namespace in the container's document where its spec does, as for any container", async () => {
      const run = await privilegedPod({
        pod: hypervisor(PRIVILEGED, NETWORKED),
        containers: { c1: hypervisor(PRIVILEGED, NETWORKED) },
        platform: NETWORK,
      });
      assert.deepEqual(run.container("c1")["Networking"], { Namespace: NAMESPACE });
    });
  });
});
