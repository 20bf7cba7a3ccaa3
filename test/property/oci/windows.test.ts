/** Windows containers: quoting round trip, environment, and builders that stay calm on any input. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import {
  containerConfigurationV1,
  hostedDocument,
  processIsolatedDocument,
} from "../../../oci/documents/windows-container.ts";
import { SpecError } from "../../../oci/errors.ts";
import { jobLimits, jobMounts } from "../../../oci/job-plan.ts";
import { readSpec } from "../../../oci/spec.ts";
import { joinArguments } from "../../../oci/windows/command-line.ts";
import { hostDevices, parseDeviceExtension } from "../../../oci/windows/devices.ts";
import { jobProcess } from "../../../oci/windows/job-process.ts";
import { imageLayers } from "../../../oci/windows/layers.ts";
import { hostPlacedMounts, vmPlacedMounts } from "../../../oci/windows/mounts.ts";
import { environmentOf } from "../../../oci/windows/process-parameters.ts";

/** As CommandLineToArgvW takes the part after the program's name apart. */
function split(line: string): string[] {
  const args: string[] = [];
  let at = 0;
  while (at < line.length) {
    while (line[at] === " " || line[at] === "\t") at++;
    if (at >= line.length) break;
    let argument = "";
    let quoted = false;
    for (; at < line.length && (quoted || (line[at] !== " " && line[at] !== "\t")); at++) {
      let backslashes = 0;
      while (line[at] === "\\") {
        backslashes++;
        at++;
      }
      if (line[at] === '"') {
        argument += "\\".repeat(Math.floor(backslashes / 2));
        if (backslashes % 2 === 1) argument += '"';
        else quoted = !quoted;
      } else {
        argument += "\\".repeat(backslashes);
        if (at >= line.length || (!quoted && (line[at] === " " || line[at] === "\t"))) break;
        argument += line[at];
      }
    }
    args.push(argument);
  }
  return args;
}

const awkward = fc.string({ unit: fc.constantFrom("a", " ", "\t", '"', "\\", "ü", "'", "%") });

describe("joinArguments", () => {
  it("is undone by CommandLineToArgvW", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(awkward, fc.string())), (args) => {
        assert.deepEqual(split(joinArguments(args)), args);
      }),
    );
  });
});

describe("environmentOf", () => {
  it("has the last non-empty value of each name, and nothing else", () => {
    const name = fc.string({ unit: fc.constantFrom("A", "b", "_"), maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        const expected = new Map(pairs.filter(([, value]) => value !== ""));
        const actual = environmentOf(pairs.map(([key, value]) => `${key}=${value}`));
        assert.deepEqual(new Map(Object.entries(actual)), expected);
      }),
    );
  });
});

/** Specs that are nearly right: known members with anything in them. */
const member = fc.oneof(fc.jsonValue(), fc.constantFrom("C:\\a", "\\\\.\\pipe\\x", "sandbox://a", "true"));
const section = (...names: string[]) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record(Object.fromEntries(names.map((name) => [name, member])), { requiredKeys: [] }),
    },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
const annotations = fc.dictionary(
  fc.constantFrom(
    "io.microsoft.container.memory.sizeinmb",
    "io.microsoft.container.processor.count",
    "io.microsoft.container.processdumplocation",
    "io.microsoft.wcow.processdumptype",
    "io.microsoft.wcow.processdumpcount",
    "io.microsoft.container.wcow.test-registry-annotation",
    "microsoft.com/hostprocess-rootfs-location",
  ),
  fc.oneof(fc.string(), fc.integer().map(String), fc.json()),
);
const specs = fc.record(
  {
    annotations: fc.oneof({ weight: 4, arbitrary: annotations }, { weight: 1, arbitrary: fc.jsonValue() }),
    hostname: member,
    root: section("path", "readonly"),
    process: section("args", "env", "cwd", "commandLine", "user", "consoleSize"),
    mounts: fc.oneof(fc.array(section("source", "destination", "type", "options")), fc.jsonValue()),
    windows: fc.oneof(
      fc.record(
        {
          resources: fc.record(
            {
              cpu: section("count", "maximum", "shares", "affinity"),
              memory: section("limit"),
              storage: section("iops", "bps"),
            },
            { requiredKeys: [] },
          ),
          network: section("networkNamespace", "endpointList", "DNSSearchList"),
          devices: fc.oneof(fc.array(section("id", "idType")), fc.jsonValue()),
          layerFolders: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
          credentialSpec: member,
        },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
);

/** Everything that is decided about a Windows container before anything is made. */
function build(document: unknown): void {
  const spec = readSpec(document);
  const reader = new AnnotationReader(spec.annotations);
  const rootPath = "\\\\?\\Volume{50100000-04d5-4850-8151-ad50d0151850}";
  const common = { id: "c1", spec, rootPath, layers: [], directories: [], pipes: [], devices: [] };
  const host = { kind: "host", build: 20348, processors: 8 } as const;
  const vm = {
    kind: "vm",
    build: 20348,
    processors: 2,
    hostProcessors: 8,
    scaleProcessorLimit: true,
  } as const;
  const job = { build: 20348, processors: 8, canBindFiles: true };
  const steps: readonly (() => unknown)[] = [
    () => imageLayers([], spec.windows?.layerFolders ?? []),
    () => hostDevices(spec.windows?.devices ?? []),
    () => hostPlacedMounts(spec.mounts),
    () => vmPlacedMounts(spec.mounts),
    () => processIsolatedDocument(reader, { ...common, placement: host }, "o"),
    () => hostedDocument(reader, { ...common, placement: vm }),
    () => containerConfigurationV1(reader, { ...common, placement: host }, "o", spec.windows?.credentialSpec),
    () => jobMounts(spec),
    () => jobLimits(reader, spec, job),
    () => spec.process && jobProcess(spec.process, { path: "C:\\hpc\\", isPrivate: true }, []),
  ];
  for (const step of steps) calmly(step);
}

/** Spec errors are answers. */
function calmly(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
  }
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

describe("documents of Windows containers", () => {
  it("never throw anything but spec errors, and never change their input", () => {
    fc.assert(
      fc.property(specs, (document) => calmly(() => build(frozen(document)))),
      { numRuns: 2000 },
    );
  });

  it("are the same for the same input", () => {
    fc.assert(
      fc.property(specs, (document) => {
        const once = (): string | undefined => {
          try {
            const spec = readSpec(document);
            const inputs = {
              id: "c1",
              spec,
              rootPath: "c:\\m",
              layers: [],
              directories: [],
              pipes: [],
              devices: [],
              placement: { kind: "host", build: 20348, processors: 8 } as const,
            };
            return JSON.stringify(hostedDocument(new AnnotationReader(spec.annotations), inputs));
          } catch {
            return undefined;
          }
        };
        assert.equal(once(), once());
      }),
    );
  });
});

describe("parseDeviceExtension", () => {
  it("never throws anything but spec errors", () => {
    const extension = section("device_category", "namespace", "NAMESPACE");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          extension.map((value) => JSON.stringify(value)),
        ),
        (text) => calmly(() => parseDeviceExtension(text, "f")),
      ),
    );
  });
});
