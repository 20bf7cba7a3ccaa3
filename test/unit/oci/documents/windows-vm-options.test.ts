import assert from "node:assert/strict";
import * as ANNOTATION from "../../../../oci/annotations/catalogue.ts";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import {
  checkWindowsVmOptions,
  readWindowsVmOptions,
  type WindowsVmOptions,
} from "../../../../oci/documents/windows-vm-options.ts";
import type { SpecWarning } from "../../../../oci/errors.ts";
import type { WindowsResources } from "../../../../oci/spec.ts";

const HOST = { build: 20_348, logicalProcessors: 8, confidentialBootFiles: "C:\\shim\\boot" };

function read(
  annotations: Readonly<Record<string, string>>,
  resources: WindowsResources = {},
): { options: WindowsVmOptions; warnings: readonly SpecWarning[] } {
  const reader = new AnnotationReader(annotations);
  return { options: readWindowsVmOptions(reader, resources, HOST), warnings: reader.warnings };
}

const DEFAULTS: WindowsVmOptions = {
  memoryMb: 1024,
  allowOvercommit: true,
  deferredCommit: false,
  physicallyBacked: false,
  lowMmioGapMb: 0,
  highMmioBaseMb: 0,
  highMmioGapMb: 0,
  processorCount: 2,
  processorLimit: 0,
  processorWeight: 0,
  cpuGroupId: "",
  storageIops: 0,
  storageBandwidth: 0,
  numa: {
    maxProcessorsPerNode: 0,
    maxSizePerNode: 0,
    preferredPhysicalNodes: [],
    mappedPhysicalNodes: [],
    processorCounts: [],
    memoryBlocks: [],
  },
  noWritableShares: false,
  consolePipe: "",
  consoleIsLog: false,
  processDumpLocation: "",
  dumpDirectory: "",
  bootFilesRoot: "",
  networkProxy: "",
  hvSocketServices: {},
  noDirectMap: false,
  disableCompartmentNamespace: false,
  noTimeZone: false,
  additionalRegistryValues: [],
  writableEfi: false,
  logForwarding: true,
  logSources: "",
  defaultLogSources: true,
  debugDirectory: "",
};

describe("readWindowsVmOptions", () => {
  it("has the defaults of a spec without annotations", () => {
    assert.deepEqual(read({}), { options: DEFAULTS, warnings: [] });
  });

  it("keeps the default of a value it cannot read, and warns", () => {
    const { options, warnings } = read({
      [ANNOTATION.vmMemorySize.key]: "lots",
      [ANNOTATION.vmProcessorCount.key]: "2.5",
      [ANNOTATION.vmAllowOvercommit.key]: "no",
      [ANNOTATION.noDirectMap.key]: "YES",
      [ANNOTATION.vmStorageIops.key]: "99999999999",
    });
    assert.deepEqual(options, DEFAULTS);
    assert.deepEqual(warnings.map(({ expected }) => expected).toSorted(), [
      "bool",
      "bool",
      "int32",
      "int32",
      "uint64",
    ]);
  });

  it("takes limits from the resources of the spec, below annotations", () => {
    const { options } = read(
      { [ANNOTATION.vmProcessorCount.key]: "7" },
      {
        cpuCount: 3,
        cpuMaximum: 4000,
        cpuShares: 11,
        memoryLimit: 5_000_000_000,
        storageIops: 4,
        storageBps: 5,
      },
    );
    assert.deepEqual(options, {
      ...DEFAULTS,
      processorCount: 7,
      processorLimit: 4000,
      processorWeight: 11,
      memoryMb: 4768,
      storageIops: 4,
      storageBandwidth: 5,
    });
  });

  it("has no overcommit when memory is physically backed, whatever the overcommit key says", () => {
    const { options } = read({
      [ANNOTATION.vmPhysicallyBacked.key]: "true",
      [ANNOTATION.vmAllowOvercommit.key]: "true",
    });
    assert.deepEqual(options, { ...DEFAULTS, physicallyBacked: true, allowOvercommit: false });
  });

  it("keeps 64-bit gaps exactly", () => {
    const { options } = read({ [ANNOTATION.vmHighMmioGap.key]: "18446744073709551615" });
    assert.equal(options.highMmioGapMb, 18446744073709551615n);
  });

  it("reads the socket table, one entry for each GUID", () => {
    const prefix = ANNOTATION.hvSocketServiceTable.key;
    const { options, warnings } = read({
      [`${prefix}A0A0A0A0-0000-4000-8000-000000000001`]:
        '{"bindSecurityDescriptor":"D:P","AllowWildcardBinds":true,"Other":1}',
      [`${prefix}nonsense`]: "{}",
      [`${prefix}a0a0a0a0-0000-4000-8000-000000000002`]: "{",
      [`${prefix}a0a0a0a0-0000-4000-8000-000000000003`]: '{"Disabled":"yes"}',
    });
    assert.deepEqual(options.hvSocketServices, {
      "a0a0a0a0-0000-4000-8000-000000000001": { BindSecurityDescriptor: "D:P", AllowWildcardBinds: true },
    });
    assert.deepEqual(
      warnings.map(({ kind }) => kind),
      ["hv-socket-entry-rejected", "hv-socket-entry-rejected", "hv-socket-entry-rejected"],
    );
  });

  describe("in confidential mode", () => {
    const policy = { [ANNOTATION.windowsSecurityPolicy.key]: "cG9saWN5" };

    it("needs nothing but a policy", () => {
      assert.deepEqual(read(policy).options, {
        ...DEFAULTS,
        memoryMb: 2048,
        allowOvercommit: false,
        logForwarding: false,
        confidential: {
          policy: "cG9saWN5",
          enforcer: "",
          isolationType: "SecureNestedPaging",
          secureBoot: true,
          bootFiles: "C:\\shim\\boot",
          guestState: "C:\\shim\\boot\\cwcow.snp.vmgs",
          referenceInfo: "C:\\shim\\boot\\reference_info.cose",
          hashEnvelopeReferenceInfo: "C:\\shim\\boot\\reference_info_hash_envelope.cose",
        },
      });
    });

    it("does not look at the memory of the spec's resources", () => {
      assert.equal(read(policy, { memoryLimit: 8 * 1024 ** 3 }).options.memoryMb, 2048);
    });

    it("refuses less than 2048 MiB", () => {
      assert.throws(() => read({ ...policy, [ANNOTATION.vmMemorySize.key]: "1024" }), /at least 2048/);
    });

    it("follows every annotation", () => {
      const { options } = read({
        ...policy,
        [ANNOTATION.vmMemorySize.key]: "4096",
        [ANNOTATION.windowsPolicyEnforcer.key]: "rego",
        [ANNOTATION.noSecureBoot.key]: "true",
        [ANNOTATION.windowsGuestState.key]: "D:\\own.vmgs",
        [ANNOTATION.vmIsolationType.key]: "VirtualizationBasedSecurity",
        [ANNOTATION.writableEfi.key]: "true",
        [ANNOTATION.vmBootFiles.key]: "D:\\boot\\",
        [ANNOTATION.logForwarding.key]: "true",
      });
      assert.equal(options.memoryMb, 4096);
      assert.equal(options.writableEfi, true);
      assert.equal(options.logForwarding, true);
      assert.deepEqual(options.confidential, {
        policy: "cG9saWN5",
        enforcer: "rego",
        isolationType: "VirtualizationBasedSecurity",
        secureBoot: false,
        bootFiles: "D:\\boot\\",
        guestState: "D:\\own.vmgs",
        referenceInfo: "D:\\boot\\reference_info.cose",
        hashEnvelopeReferenceInfo: "D:\\boot\\reference_info_hash_envelope.cose",
      });
    });

    for (const [isolation, file] of [
      ["SNP", "cwcow.snp.vmgs"],
      ["VBS", "cwcow.vbs.vmgs"],
      ["GuestStateOnly", "cwcow.gso.vmgs"],
    ] as const) {
      it(`has the guest state ${file} with isolation ${isolation}`, () => {
        const { options } = read({ ...policy, [ANNOTATION.vmIsolationType.key]: isolation });
        assert.equal(options.confidential?.guestState, `C:\\shim\\boot\\${file}`);
      });
    }

    it("keeps only the guest's state apart without security hardware", () => {
      const { options } = read({ ...policy, [ANNOTATION.noSecurityHardware.key]: "true" });
      assert.equal(options.confidential?.isolationType, "GuestStateOnly");
    });

    it("refuses an isolation it does not know", () => {
      assert.throws(() => read({ ...policy, [ANNOTATION.vmIsolationType.key]: "snp" }), {
        name: "SpecError",
      });
    });

    it("keeps disks for debugging where it is told to", () => {
      const debug = { ...policy, [ANNOTATION.windowsDebug.key]: "true" };
      const { options } = read({ ...debug, [ANNOTATION.windowsDebugPath.key]: "D:\\kept" });
      assert.equal(options.debugDirectory, "D:\\kept");
      assert.throws(() => read(debug), /needs io\.microsoft\.wcow\.debug_data_path/);
    });
  });

  it("does not keep the disks of ordinary VMs", () => {
    assert.throws(
      () => read({ [ANNOTATION.windowsDebug.key]: "true", [ANNOTATION.windowsDebugPath.key]: "D:\\kept" }),
      /needs io\.microsoft\.virtualmachine\.wcow\.securitypolicy/,
    );
  });
});

describe("checkWindowsVmOptions", () => {
  const CASES: readonly (readonly [string, Partial<WindowsVmOptions>, RegExp])[] = [
    [
      "deferred commit without overcommit",
      { deferredCommit: true, allowOvercommit: false },
      /deferredcommit: needs/,
    ],
    [
      "a resource partition with a CPU group",
      { resourcePartitionId: "a0a0a0a0-0000-4000-8000-000000000001", cpuGroupId: "1" },
      /cannot be set together/,
    ],
    ["a negative processor count", { processorCount: -3 }, /must be positive/],
    ["a negative processor limit", { processorLimit: -1 }, /must not be negative/],
    ["a negative storage limit", { storageIops: -1 }, /must not be negative/],
  ];
  for (const [name, options, message] of CASES) {
    it(`refuses ${name}`, () => {
      assert.throws(() => checkWindowsVmOptions({ ...DEFAULTS, ...options }, HOST), {
        name: "SpecError",
        message,
      });
    });
  }

  it("refuses CPU groups before Windows build 19043", () => {
    const options = { ...DEFAULTS, cpuGroupId: "1" };
    assert.throws(
      () => checkWindowsVmOptions(options, { ...HOST, build: 19_042 }),
      /needs Windows build 19043/,
    );
    checkWindowsVmOptions(options, { ...HOST, build: 19_043 });
  });

  it("passes the defaults", () => checkWindowsVmOptions(DEFAULTS, HOST));
});
