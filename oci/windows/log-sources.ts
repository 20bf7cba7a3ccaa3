/** What a Windows guest forwards of its log: event tracing providers, in the words of its log service. */
import { SpecError } from "../errors.ts";
import { isObject, type JsonObject } from "../json.ts";

interface Provider {
  readonly providerName?: string;
  readonly providerGuid?: string;
  readonly level?: string;
  readonly keywords?: string;
}

interface LogSource {
  readonly type: string;
  readonly providers: readonly Provider[];
}

/** Providers that tell how a pod's VM is doing. */
const DEFAULT_PROVIDERS: readonly (readonly [name: string, guid: string])[] = [
  ["microsoft.windows.hyperv.compute", "80ce50de-d264-4581-950d-abadeee0d340"],
  ["microsoft-windows-guest-network-service", "0bacf1d2-fb51-549a-6119-04daa7180dc8"],
  ["microsoft.windows.filesystem.cimfs", "772ff917-30cf-50bd-d471-55a093ea8cf8"],
  ["microsoft.windows.filesystem.unionfs", "68d6ffd0-365a-579d-6d26-76b2a0af1ddc"],
  ["microsoft-windows-bitlocker-driver", "651df93b-5053-4d1e-94c5-f6e6d25908d0"],
  ["microsoft-windows-bitlocker-api", "5d674230-ca9f-11da-a94d-0800200c9a66"],
  ["microsoft.windows.security.keyguard", "37e53459-522d-5f7d-9a19-ecfd819075c2"],
  ["microsoft.windows.security.keyguard.attestation.verify", "268833e4-8305-5640-ecee-0f30f10668be"],
  ["microsoft.windows.containers.setup", "22267b1c-b979-5c81-9e24-0db386a62dd1"],
  ["microsoft.windows.containers.storage", "2551390d-5927-5c84-6f0a-027a7e78d38d"],
  ["microsoft.windows.containers.library", "67eb0417-9297-42ae-a1d9-98bfeb359059"],
  ["microsoft.windows.containers.dynamicimage", "8ce2286c-3705-4a2a-8e36-134eae9ca147"],
  ["microsoft.windows.logforwardservice.provider", "396a26ff-fb73-5465-0d17-dd4930896239"],
];

const DEFAULT_SOURCE: LogSource = {
  type: "ETW",
  providers: DEFAULT_PROVIDERS.map(([providerName, providerGuid]) => ({
    providerName,
    providerGuid,
    level: "Information",
  })),
};

export interface LogSourceWishes {
  /** Base64 of JSON; empty: no wishes. */
  readonly logSources: string;
  /** The providers everybody gets come first. */
  readonly defaultLogSources: boolean;
}

/**
 * Base64 of the log sources, as the guest's log service takes them.
 *
 * @throws {SpecError} when the annotation cannot be read
 */
export function guestLogSources({ logSources, defaultLogSources }: LogSourceWishes): string {
  const asked = logSources === "" ? [] : readSources(logSources);
  const sources = defaultLogSources ? asked.reduce(withSource, [DEFAULT_SOURCE]) : asked;
  return Buffer.from(JSON.stringify({ LogConfig: { sources } })).toString("base64");
}

/** Providers of the same type go together; one that is there already is as the later says. */
function withSource(sources: readonly LogSource[], source: LogSource): LogSource[] {
  const same = sources.find(({ type }) => type.toLowerCase() === source.type.toLowerCase());
  if (same === undefined) return [...sources, source];
  const merged = { ...same, providers: source.providers.reduce(withProvider, same.providers) };
  return sources.map((other) => (other === same ? merged : other));
}

function withProvider(providers: readonly Provider[], provider: Provider): readonly Provider[] {
  const same = providers.find((other) => isSame(other, provider));
  if (same === undefined) return [...providers, provider];
  return providers.map((other) => (other === same ? { ...same, ...provider } : other));
}

function isSame(one: Provider, other: Provider): boolean {
  const matches = (member: "providerName" | "providerGuid"): boolean =>
    one[member] !== undefined && one[member].toLowerCase() === other[member]?.toLowerCase();
  return matches("providerGuid") || matches("providerName");
}

const AT = "annotation io.microsoft.virtualmachine.forwardlogs.sources";

function readSources(base64: string): LogSource[] {
  const refuse = (rule: string, value?: unknown): SpecError => new SpecError({ at: AT, rule, value });
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch (cause) {
    throw new SpecError({ at: AT, rule: "must be base64 of JSON", value: base64, cause });
  }
  const sources = isObject(document) && isObject(document["LogConfig"]) && document["LogConfig"]["sources"];
  if (!Array.isArray(sources)) throw refuse("must have LogConfig.sources, a list", document);
  return sources.map((source: unknown) => {
    if (!isObject(source) || typeof source["type"] !== "string")
      throw refuse("a source needs a type", source);
    const providers = source["providers"] ?? [];
    if (!Array.isArray(providers) || !providers.every(isObject))
      throw refuse("the providers of a source are objects", source);
    return { type: source["type"], providers: providers.map(readProvider) };
  });
}

const PROVIDER_MEMBERS = ["providerName", "providerGuid", "level", "keywords"] as const;

/** Members that the guest does not know would make it refuse everything. */
function readProvider(document: JsonObject): Provider {
  const members = PROVIDER_MEMBERS.flatMap((member): [string, string][] => {
    const value = document[member];
    return typeof value === "string" && value !== "" ? [[member, value]] : [];
  });
  return Object.fromEntries(members);
}
