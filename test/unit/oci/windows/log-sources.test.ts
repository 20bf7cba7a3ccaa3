import assert from "node:assert/strict";
import { SpecError } from "../../../../oci/errors.ts";
import { guestLogSources } from "../../../../oci/windows/log-sources.ts";

interface Sources {
  LogConfig: { sources: { type: string; providers: Record<string, string>[] }[] };
}

const encode = (document: unknown): string => Buffer.from(JSON.stringify(document)).toString("base64");
const decode = (base64: string): Sources["LogConfig"]["sources"] =>
  (JSON.parse(Buffer.from(base64, "base64").toString("utf8")) as Sources).LogConfig.sources;
const sourcesOf = (sources: unknown, defaultLogSources = true) =>
  decode(guestLogSources({ logSources: encode({ LogConfig: { sources } }), defaultLogSources }));

describe("guestLogSources", () => {
  it("are the providers everybody gets, when nothing is asked for", () => {
    const [source, ...rest] = decode(guestLogSources({ logSources: "", defaultLogSources: true }));
    assert.deepEqual([source?.type, source?.providers.length, rest.length], ["ETW", 13, 0]);
    assert.deepEqual(source?.providers[0], {
      providerName: "microsoft.windows.hyperv.compute",
      providerGuid: "80ce50de-d264-4581-950d-abadeee0d340",
      level: "Information",
    });
  });

  it("are those that were asked for alone, without the defaults", () => {
    const asked = [{ type: "ETW", providers: [{ providerName: "mine", level: "Error" }] }];
    assert.deepEqual(sourcesOf(asked, false), asked);
  });

  it("add providers to the source of the same type", () => {
    const [source, ...rest] = sourcesOf([{ type: "etw", providers: [{ providerName: "mine" }] }]);
    assert.deepEqual([source?.type, source?.providers.length, rest.length], ["ETW", 14, 0]);
    assert.deepEqual(source?.providers.at(-1), { providerName: "mine" });
  });

  it("change a provider that is there, found by its GUID or its name", () => {
    const [source] = sourcesOf([
      { type: "ETW", providers: [{ providerName: "Microsoft.Windows.HyperV.Compute", level: "Verbose" }] },
    ]);
    assert.equal(source?.providers.length, 13);
    assert.equal(source?.providers[0]?.["level"], "Verbose");
    assert.equal(source?.providers[0]?.["providerGuid"], "80ce50de-d264-4581-950d-abadeee0d340");
  });

  it("leave out members that the guest would refuse", () => {
    const asked = [{ type: "ETW", providers: [{ providerName: "mine", colour: "red", level: "" }] }];
    assert.deepEqual(sourcesOf(asked, false), [{ type: "ETW", providers: [{ providerName: "mine" }] }]);
  });

  for (const [what, logSources] of [
    ["no base64 of JSON", "%%%"],
    ["no LogConfig", encode({})],
    ["sources that are no list", encode({ LogConfig: { sources: {} } })],
    ["a source without a type", encode({ LogConfig: { sources: [{ providers: [] }] } })],
    [
      "providers that are no objects",
      encode({ LogConfig: { sources: [{ type: "ETW", providers: ["x"] }] } }),
    ],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(() => guestLogSources({ logSources, defaultLogSources: true }), SpecError);
    });
  }
});
