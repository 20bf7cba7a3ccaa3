/** Windows VMs: options, checks and document stay calm on any annotations and resources, and change nothing they are given. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { ANNOTATION_TOPICS } from "../../../oci/annotations/topics.ts";
import { hvSocketServices } from "../../../oci/documents/hv-socket-table.ts";
import { numaParts, type NumaWishes } from "../../../oci/documents/vm-numa.ts";
import { sizeWarnings } from "../../../oci/documents/vm-options.ts";
import { windowsVmDocument, type WindowsVmBoot } from "../../../oci/documents/windows-vm.ts";
import {
  checkWindowsVmOptions,
  readWindowsVmOptions,
  type WindowsVmOptions,
} from "../../../oci/documents/windows-vm-options.ts";
import { SpecError } from "../../../oci/errors.ts";
import { readSpec } from "../../../oci/spec.ts";
import { guestLogSources } from "../../../oci/windows/log-sources.ts";

/** Spec errors are answers. */
function calmly<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return undefined;
  }
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Objects with some of these members, and anything in them. */
const section = (...names: string[]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, fc.jsonValue()])), { requiredKeys: [] });

const logSource = fc.record(
  {
    type: fc.oneof(fc.constantFrom("ETW", "etw", ""), fc.jsonValue()),
    providers: fc.oneof(
      fc.array(
        fc.oneof(
          section("providerName", "providerGuid", "level", "keywords"),
          fc.record({
            providerName: fc.constantFrom("microsoft.windows.hyperv.compute", "x"),
            level: fc.string(),
          }),
          fc.jsonValue(),
        ),
      ),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
);
const logSources = fc.oneof(
  fc.array(logSource).map((sources) => base64(JSON.stringify({ LogConfig: { sources } }))),
  fc.json().map(base64),
  fc.string(),
);
const registryValue = section(
  "Key",
  "Name",
  "Type",
  "StringValue",
  "BinaryValue",
  "DWordValue",
  "QWordValue",
  "CustomType",
);
const GUID = "3a2b1c0d-0000-4000-8000-00000000000a";
const socketService = section(
  "BindSecurityDescriptor",
  "ConnectSecurityDescriptor",
  "AllowWildcardBinds",
  "Disabled",
);

/** Texts that are nearly what some annotation takes. */
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("true", "false", "1", "2", "0", "-1", "1024", "2048", "4095") },
  fc.constantFrom("255,255", "0,1", "0,255", "1,1", "512,512", "300", "4294967296", "18446744073709551615"),
  fc.constantFrom(GUID, "SecureNestedPaging", "GuestStateOnly", "C:\\dumps\\", "\\\\.\\pipe\\vm", "e30="),
  logSources,
  fc.array(registryValue).map((values) => JSON.stringify(values)),
  socketService.map((config) => JSON.stringify(config)),
  fc.json(),
  fc.string(),
);
const rows = ANNOTATION_TOPICS.flatMap(({ rows: ofTopic }) => ofTopic);
const HV_SOCKET = rows.find(({ key }) => key.endsWith("hv-socket.service-table."))?.key ?? "";
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...rows.map((row) => row.key)) },
  { weight: 1, arbitrary: fc.constantFrom(`${HV_SOCKET}${GUID}`, `${HV_SOCKET}{${GUID}}`, `${HV_SOCKET}x`) },
);
const annotations = fc.dictionary(key, value, { maxKeys: 10 });
const amount = fc.oneof({ weight: 8, arbitrary: fc.nat() }, { weight: 1, arbitrary: fc.jsonValue() });
const resources = fc.record(
  {
    cpu: fc.record({ count: amount, maximum: amount, shares: amount }, { requiredKeys: [] }),
    memory: fc.record({ limit: amount }, { requiredKeys: [] }),
    storage: fc.record({ iops: amount, bps: amount }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const specs = fc.record(
  {
    annotations: fc.oneof({ weight: 8, arbitrary: annotations }, { weight: 1, arbitrary: fc.jsonValue() }),
    windows: fc.oneof(
      { weight: 8, arbitrary: fc.record({ hyperv: fc.constant({}), resources }, { requiredKeys: [] }) },
      { weight: 1, arbitrary: fc.jsonValue() },
    ),
  },
  { requiredKeys: [] },
);
const hosts = fc.record({
  build: fc.constantFrom(17763, 19041, 20348, 26100),
  logicalProcessors: fc.integer({ min: 1, max: 512 }),
  confidentialBootFiles: fc.constant("C:\\shim\\WindowsBootFiles\\confidential"),
});
type Host = typeof hosts extends fc.Arbitrary<infer T> ? T : never;

function bootOf({ confidential }: WindowsVmOptions): WindowsVmBoot {
  if (confidential === undefined)
    return { kind: "vmbfs", osFiles: "C:\\snap\\1\\UtilityVM\\Files", scratch: "C:\\snap\\p\\sandbox.vhdx" };
  return {
    kind: "block-cim",
    scratch: "C:\\snap\\p\\sandbox.vhdx",
    efi: `${confidential.bootFiles}\\boot.vhd`,
    bootCim: `${confidential.bootFiles}\\rootfs.vhd`,
    guestState: confidential.guestState,
    emptyDirectory: "C:\\shim\\empty",
  };
}

/** Everything that is decided about a VM before it is made; undefined when the spec cannot be followed. */
function decide(given: unknown, host: Host): ReturnType<typeof windowsVmDocument> | undefined {
  const spec = calmly(() => readSpec(given));
  if (spec === undefined) return undefined;
  const reader = new AnnotationReader(spec.annotations);
  const options = calmly(() => readWindowsVmOptions(reader, spec.windows?.resources ?? {}, host));
  if (options === undefined) return undefined;
  frozen(options);
  calmly(() => guestLogSources(options));
  sizeWarnings(options, host);
  const boot = bootOf(options);
  // Also for options that do not pass the check: the builder has to stay calm by itself.
  const document = calmly(() => windowsVmDocument({ id: "p@vm", owner: "o", options, host, boot }));
  const passes = calmly(() => {
    checkWindowsVmOptions(options, host);
    return true;
  });
  return passes === true ? document : undefined;
}

/** Members that are zero in some way, by their path. Kept objects may be empty; registry values are the user's own. */
function zeroMembers(value: unknown, path = ""): string[] {
  if (Array.isArray(value))
    return value.flatMap((element, index) => zeroMembers(element, `${path}/${index}`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    const at = `${path}/${name}`;
    if (at.includes("/RegistryChanges/")) return [];
    const isZero = !member || (Array.isArray(member) && member.length === 0);
    return isZero ? [at] : zeroMembers(member, at);
  });
}

describe("documents of Windows VMs", () => {
  it("come of any spec, or a SpecError does, and the spec stays as it was", () => {
    fc.assert(
      fc.property(specs, hosts, (given, host) => void decide(frozen(given), frozen(host))),
      { numRuns: 1000 },
    );
  });

  it("are the same for the same input", () => {
    fc.assert(
      fc.property(specs, hosts, (given, host) => {
        assert.deepEqual(decide(given, host), decide(given, host));
      }),
    );
  });

  it("have memory in pairs of MiB, and processors that the host has", () => {
    fc.assert(
      fc.property(specs, hosts, (given, host) => {
        const topology = decide(given, host)?.VirtualMachine?.ComputeTopology;
        if (topology === undefined) return;
        const { Memory, Processor } = topology;
        assert.equal(Number(Memory?.SizeInMB) % 2, 0);
        assert.ok(Number(Processor?.Count) >= 1 && Number(Processor?.Count) <= host.logicalProcessors);
      }),
      { numRuns: 500 },
    );
  });

  it("have no member that says nothing", () => {
    fc.assert(
      fc.property(specs, hosts, (given, host) => {
        assert.deepEqual(zeroMembers(decide(given, host)), []);
      }),
      { numRuns: 500 },
    );
  });
});

describe("numaParts", () => {
  const list = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 4 });
  const wishes: fc.Arbitrary<NumaWishes> = fc.record({
    maxProcessorsPerNode: fc.nat({ max: 4 }),
    maxSizePerNode: fc.nat({ max: 4096 }),
    preferredPhysicalNodes: list,
    mappedPhysicalNodes: list,
    processorCounts: list,
    memoryBlocks: list,
  });
  const subject = fc.record({
    build: fc.constantFrom(20348, 26100),
    processorCount: fc.integer({ min: 1, max: 8 }),
    memoryMb: fc.integer({ min: 1, max: 600 }).map((pairs) => pairs * 2),
    allowOvercommit: fc.boolean(),
  });

  it("come of any wishes, or a SpecError does", () => {
    fc.assert(
      fc.property(wishes, subject, (asked, vm) => void calmly(() => numaParts(frozen(asked), frozen(vm)))),
    );
  });

  it("divide the VM without a rest", () => {
    const nodes = fc.array(
      fc.record({
        physical: fc.nat({ max: 63 }),
        processors: fc.integer({ min: 1, max: 8 }),
        memoryMb: fc.integer({ min: 1, max: 512 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(nodes, (asked) => {
        const processorCounts = asked.map(({ processors }) => processors);
        const memoryBlocks = asked.map(({ memoryMb }) => memoryMb);
        const total = (values: number[]): number => values.reduce((sum, one) => sum + one, 0);
        const parts = numaParts(
          {
            maxProcessorsPerNode: 0,
            maxSizePerNode: 0,
            preferredPhysicalNodes: [],
            mappedPhysicalNodes: asked.map(({ physical }) => physical),
            processorCounts,
            memoryBlocks,
          },
          {
            build: 26100,
            processorCount: total(processorCounts),
            memoryMb: total(memoryBlocks),
            allowOvercommit: false,
          },
        );
        const settings = parts?.numa.Settings ?? [];
        assert.equal(parts?.numa.VirtualNodeCount, asked.length);
        assert.equal(total(settings.map((node) => node.CountOfProcessors ?? 0)), total(processorCounts));
        assert.equal(total(settings.map((node) => node.CountOfMemoryBlocks ?? 0)), total(memoryBlocks));
      }),
    );
  });
});

describe("hvSocketServices", () => {
  it("takes an entry or warns of it", () => {
    const suffix = fc.oneof(fc.constantFrom(GUID, `{${GUID}}`, GUID.toUpperCase()), fc.uuid(), fc.string());
    const entry = fc.oneof(
      socketService.map((config) => JSON.stringify(config)),
      fc.json(),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.dictionary(suffix, entry, { maxKeys: 5 }), (entries) => {
        const given = Object.fromEntries(
          Object.entries(entries).map(([name, text]) => [`${HV_SOCKET}${name}`, text]),
        );
        const reader = new AnnotationReader(frozen(given));
        const services = hvSocketServices(reader);
        for (const id of Object.keys(services))
          assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        const taken = Object.keys(services).length;
        assert.ok(taken + reader.warnings.length <= Object.keys(given).length);
        assert.equal(taken > 0 || reader.warnings.length > 0, Object.keys(given).length > 0);
      }),
    );
  });
});

describe("guestLogSources", () => {
  it("is base64 of log sources, or a SpecError", () => {
    fc.assert(
      fc.property(logSources, fc.boolean(), (text, defaultLogSources) => {
        const encoded = calmly(() => guestLogSources({ logSources: text, defaultLogSources }));
        if (encoded === undefined) return;
        const read = JSON.parse(Buffer.from(encoded, "base64").toString()) as {
          LogConfig: { sources: { type: string }[] };
        };
        assert.ok(read.LogConfig.sources.every(({ type }) => typeof type === "string"));
        assert.ok(!defaultLogSources || read.LogConfig.sources.length > 0);
      }),
      { numRuns: 500 },
    );
  });
});
