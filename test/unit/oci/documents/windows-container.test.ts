import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import {
  containerConfigurationV1,
  hostedDocument,
  processIsolatedDocument,
  type WindowsContainerInputs,
} from "../../../../oci/documents/windows-container.ts";
import { readSpec } from "../../../../oci/spec.ts";

const VOLUME = "\\\\?\\Volume{50100000-04d5-4850-8151-ad50d0151850}";
const LAYERS = [{ Id: "fd99f5a1-d5be-57d1-ac12-5f04d4e788e3", Path: "C:\\snap\\2" }];
const SHUTDOWN_TIMEOUT = {
  Key: { Hive: "System", Name: "ControlSet001\\Control" },
  Name: "WaitToKillServiceTimeout",
  Type: "String",
  StringValue: "2147483647",
};

function inputs(spec: object, more: Partial<WindowsContainerInputs> = {}): WindowsContainerInputs {
  return {
    id: "c1",
    spec: readSpec({ windows: {}, ...spec }),
    placement: { kind: "host", build: 20348, processors: 8 },
    rootPath: VOLUME,
    layers: LAYERS,
    directories: [],
    pipes: [],
    devices: [],
    ...more,
  };
}

const reader = (given: WindowsContainerInputs) => new AnnotationReader(given.spec.annotations);
const container = (spec: object, more: Partial<WindowsContainerInputs> = {}) => {
  const given = inputs(spec, more);
  return processIsolatedDocument(reader(given), given, "shim.exe").Container;
};

describe("processIsolatedDocument", () => {
  it("of a container that asks for nothing has only what is always there", () => {
    const given = inputs({});
    assert.deepEqual(processIsolatedDocument(reader(given), given, "shim.exe"), {
      Owner: "shim.exe",
      SchemaVersion: { Major: 2, Minor: 1 },
      ShouldTerminateOnLastHandleClosed: true,
      Container: {
        Storage: { Path: `${VOLUME}\\`, Layers: LAYERS },
        Processor: {},
        RegistryChanges: { AddValues: [SHUTDOWN_TIMEOUT] },
      },
    });
  });

  it("keeps the backslash of a root that has one", () => {
    assert.equal(container({}, { rootPath: `${VOLUME}\\` })?.Storage.Path, `${VOLUME}\\`);
  });

  for (const rootPath of ["C:\\root", "\\\\?\\Volume{x}", `${VOLUME}\\dir`, ""]) {
    it(`refuses root ${JSON.stringify(rootPath)}: it must be a volume`, () => {
      assert.throws(() => container({}, { rootPath }), /must be a volume/);
    });
  }

  it("refuses a read-only root", () => {
    assert.throws(() => container({ root: { readonly: true } }), /\/root\/readonly/);
  });

  it("has layers only where there are any", () => {
    assert.equal(container({}, { layers: [] })?.Storage.Layers, undefined);
  });

  it("carries host name and limits", () => {
    const document = container({
      hostname: "winhost",
      windows: {
        resources: { cpu: { maximum: 2500 }, memory: { limit: 1024 ** 3 }, storage: { iops: 900, bps: 5 } },
      },
    });
    assert.deepEqual(document?.GuestOs, { HostName: "winhost" });
    assert.deepEqual(document?.Memory, { SizeInMB: 1024 });
    assert.deepEqual(document?.Processor, { Maximum: 2500 });
    assert.deepEqual(document?.Storage.QoS, { IopsMaximum: 900, BandwidthMaximum: 5 });
  });

  it("has a network section when the spec has one, be it empty", () => {
    assert.deepEqual(container({ windows: { network: {} } })?.Networking, {});
    assert.deepEqual(
      container({
        windows: {
          network: {
            networkNamespace: "7d3c",
            allowUnqualifiedDNSQuery: true,
            DNSSearchList: ["a.b", "c.d"],
            networkSharedContainerName: "other",
          },
        },
      })?.Networking,
      {
        Namespace: "7d3c",
        AllowUnqualifiedDnsQuery: true,
        DnsSearchList: "a.b,c.d",
        NetworkSharedContainerName: "other",
      },
    );
  });

  it("leaves ReadOnly out where it is false", () => {
    const directories = [
      { HostPath: "a", ContainerPath: "b", ReadOnly: true },
      { HostPath: "c", ContainerPath: "d", ReadOnly: false },
    ];
    assert.deepEqual(container({}, { directories })?.MappedDirectories, [
      { HostPath: "a", ContainerPath: "b", ReadOnly: true },
      { HostPath: "c", ContainerPath: "d" },
    ]);
  });

  it("puts the values of annotations after its own, dumps first", () => {
    const value = { Key: { Hive: "Software", Name: "A" }, Name: "x", Type: "DWord", DWordValue: 1 };
    const document = container({
      annotations: {
        "io.microsoft.container.wcow.test-registry-annotation": JSON.stringify([value]),
        "io.microsoft.container.processdumplocation": "C:\\dumps",
      },
    });
    assert.deepEqual(
      document?.RegistryChanges.AddValues?.map(({ Name }) => Name),
      ["WaitToKillServiceTimeout", "DumpFolder", "DumpType", "DumpCount", "x"],
    );
  });

  it("names device extensions as soon as any were asked for", () => {
    assert.deepEqual(container({}, { deviceExtensions: [{}] })?.AdditionalDeviceNamespace, {
      device_extension: [{}],
    });
  });

  it("needs a windows section", () => {
    const given = { ...inputs({}), spec: readSpec({ linux: {} }) };
    assert.throws(() => processIsolatedDocument(reader(given), given, "o"), /\/windows/);
  });
});

describe("hostedDocument", () => {
  const hosted = (spec: object, more: Partial<WindowsContainerInputs> = {}) => {
    const given = inputs(spec, {
      rootPath: "c:\\mounts\\scsi\\m0",
      placement: {
        kind: "vm",
        build: 20348,
        processors: 2,
        hostProcessors: 8,
        scaleProcessorLimit: false,
        processDumpLocation: "C:\\pod",
      },
      ...more,
    });
    return hostedDocument(reader(given), given);
  };

  it("is the same container without the envelope of a compute system", () => {
    const { SchemaVersion, Container } = hosted({});
    assert.deepEqual(SchemaVersion, { Major: 2, Minor: 1 });
    assert.equal(Container.Storage.Path, "c:\\mounts\\scsi\\m0");
  });

  it("dumps where its pod says", () => {
    assert.equal(hosted({}).Container.RegistryChanges.AddValues?.[1]?.StringValue, "C:\\pod");
  });

  it("marks privileged processes of the VM, in either dialect", () => {
    const merged = hosted({}, { hostProcess: { dialect: "isolation-type", rootPath: "C:\\r" } }).Container;
    assert.equal(merged.IsolationType, "HostProcess");
    assert.equal(merged.Storage.PrivilegedContainerRootPath, "C:\\r");
    const proposed = hosted({}, { hostProcess: { dialect: "container-type", rootPath: "C:\\r" } }).Container;
    assert.equal(proposed.ContainerType, "HostProcess");
    assert.equal(proposed.Storage.ContainerRootPath, "C:\\r");
    assert.ok(!("IsolationType" in proposed) && !("PrivilegedContainerRootPath" in proposed.Storage));
  });

  it("leaves the root of privileged processes to the guest", () => {
    const { Storage } = hosted({}, { hostProcess: { dialect: "isolation-type" } }).Container;
    assert.deepEqual(Object.keys(Storage), ["Path", "Layers"]);
  });
});

describe("containerConfigurationV1", () => {
  const flat = (spec: object, more: Partial<WindowsContainerInputs> = {}, credentials?: string) => {
    const given = inputs(spec, { placement: { kind: "host", build: 17134, processors: 8 }, ...more });
    return containerConfigurationV1(reader(given), given, "shim.exe", credentials);
  };

  it("always has its type, name, layers and partition", () => {
    assert.deepEqual(flat({}, { layers: [], rootPath: `${VOLUME}\\` }), {
      SystemType: "Container",
      Name: "c1",
      Owner: "shim.exe",
      VolumePath: VOLUME,
      Layers: null,
      HvPartition: false,
    });
  });

  it("flattens limits and network, and writes all members of directories", () => {
    const configuration = flat(
      {
        hostname: "old",
        windows: {
          ignoreFlushesDuringBoot: true,
          resources: { cpu: { count: 3 }, memory: { limit: 314_572_800 }, storage: { iops: 10, bps: 20 } },
          network: { endpointList: ["e1"], DNSSearchList: ["a"], allowUnqualifiedDNSQuery: true },
        },
      },
      { directories: [{ HostPath: "C:\\w", ContainerPath: "C:\\x" }] },
      "{}",
    );
    assert.deepEqual(configuration, {
      SystemType: "Container",
      Name: "c1",
      Owner: "shim.exe",
      IgnoreFlushesDuringBoot: true,
      VolumePath: VOLUME,
      Layers: [{ ID: LAYERS[0]?.Id, Path: "C:\\snap\\2" }],
      HostName: "old",
      ProcessorCount: 3,
      MemoryMaximumInMB: 300,
      StorageIOPSMaximum: 10,
      StorageBandwidthMaximum: 20,
      MappedDirectories: [
        {
          HostPath: "C:\\w",
          ContainerPath: "C:\\x",
          ReadOnly: false,
          BandwidthMaximum: 0,
          IOPSMaximum: 0,
          CreateInUtilityVM: false,
        },
      ],
      Credentials: "{}",
      EndpointList: ["e1"],
      AllowUnqualifiedDNSQuery: true,
      DNSSearchList: "a",
      HvPartition: false,
    });
  });

  it("has pipes from build 16299 on", () => {
    const pipes = [{ ContainerPipeName: "q", HostPath: "\\\\.\\pipe\\p" }];
    assert.deepEqual(flat({}, { pipes }).MappedPipes, pipes);
    const placement = { kind: "host", build: 14393, processors: 1 } as const;
    assert.throws(() => flat({}, { pipes, placement }), /need build 16299/);
  });
});
