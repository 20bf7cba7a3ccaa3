/** Facts about this Windows host. */
import { existsSync, readdirSync } from "node:fs";
import { release } from "node:os";
import { dirname, win32 } from "node:path";
import type { HostInfo, LinuxBootFiles } from "../api.ts";
import type { SystemTime, TimeZoneInformation } from "../schema/time-zone.ts";
import { Lane } from "./ffi/lane.ts";
import { KERNEL32 } from "./ffi/libraries/kernel32.ts";
import { Library } from "./ffi/library.ts";

const kernel32 = new Library(KERNEL32, new Lane("host", 1));

const ALL_PROCESSOR_GROUPS = 0xffff;

/** Where the boot files of Linux VMs are: in this folder beside the program, or below the Program Files. */
const BOOT_FILES = { beside: "LinuxBootFiles", installed: "Linux Containers" } as const;

export function readHostInfo(): HostInfo {
  return {
    build: readBuild(),
    logicalProcessors: kernel32.call("GetActiveProcessorCount", ALL_PROCESSOR_GROUPS),
    linuxBootFiles: findLinuxBootFiles(),
    timeZone: readTimeZone(),
  };
}

/** Of `10.0.20348`. Node asks RtlGetVersion, which no manifest bends. */
function readBuild(): number {
  const build = Number(release().split(".")[2]);
  if (Number.isInteger(build)) return build;
  throw new Error(`cannot read the Windows build: the system calls its version "${release()}"`);
}

function findLinuxBootFiles(): LinuxBootFiles {
  const beside = win32.join(dirname(process.execPath), BOOT_FILES.beside);
  const directory = existsSync(beside)
    ? beside
    : win32.join(process.env["ProgramFiles"] ?? "C:\\Program Files", BOOT_FILES.installed);
  return { directory, files: existsSync(directory) ? readdirSync(directory).sort() : [] };
}

/** TIME_ZONE_INFORMATION (timezoneapi.h): offsets of its members. */
const TIME_ZONE = {
  size: 172,
  bias: 0,
  standardName: 4,
  standardDate: 68,
  standardBias: 84,
  daylightName: 88,
  daylightDate: 152,
  daylightBias: 168,
  nameLength: 32,
} as const;
const TIME_ZONE_ID_INVALID = 0xffff_ffff;

/** The host's time zone. */
function readTimeZone(): TimeZoneInformation {
  const bytes = Buffer.alloc(TIME_ZONE.size);
  if (kernel32.call("GetTimeZoneInformation", bytes) === TIME_ZONE_ID_INVALID)
    throw new Error("cannot read the time zone: Windows does not know it");
  return {
    ...number("Bias", bytes.readInt32LE(TIME_ZONE.bias)),
    ...text("StandardName", bytes, TIME_ZONE.standardName),
    StandardDate: systemTime(bytes, TIME_ZONE.standardDate),
    ...number("StandardBias", bytes.readInt32LE(TIME_ZONE.standardBias)),
    ...text("DaylightName", bytes, TIME_ZONE.daylightName),
    DaylightDate: systemTime(bytes, TIME_ZONE.daylightDate),
    ...number("DaylightBias", bytes.readInt32LE(TIME_ZONE.daylightBias)),
  };
}

/** SYSTEMTIME (minwinbase.h): WORDs in this order. */
const SYSTEM_TIME = [
  "Year",
  "Month",
  "DayOfWeek",
  "Day",
  "Hour",
  "Minute",
  "Second",
  "Milliseconds",
] as const satisfies (keyof SystemTime)[];

function systemTime(bytes: Buffer, offset: number): SystemTime {
  return Object.assign(
    {},
    ...SYSTEM_TIME.map((name, index) => number(name, bytes.readUInt16LE(offset + 2 * index))),
  ) as SystemTime;
}

function number<N extends string>(name: N, value: number): { readonly [K in N]?: number } {
  return value === 0 ? {} : ({ [name]: value } as { readonly [K in N]?: number });
}

function text<N extends string>(name: N, bytes: Buffer, offset: number): { readonly [K in N]?: string } {
  const [value = ""] = bytes.toString("utf16le", offset, offset + 2 * TIME_ZONE.nameLength).split("\0");
  return value === "" ? {} : ({ [name]: value } as { readonly [K in N]?: string });
}
