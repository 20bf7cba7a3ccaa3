/** Every native function that is called on Windows, by DLL. */
import type { NativeLibrary } from "../table.ts";
import { ADVAPI32 } from "./advapi32.ts";
import { BINDFLTAPI } from "./bindfltapi.ts";
import { CIMFS } from "./cimfs.ts";
import { COMPUTECORE } from "./computecore.ts";
import { COMPUTENETWORK } from "./computenetwork.ts";
import { COMPUTESTORAGE } from "./computestorage.ts";
import { KERNEL32 } from "./kernel32.ts";
import { KERNEL32_FILES } from "./kernel32-files.ts";
import { KERNEL32_JOBS } from "./kernel32-jobs.ts";
import { KERNEL32_PROCESSES } from "./kernel32-processes.ts";
import { NETAPI32 } from "./netapi32.ts";
import { NTDLL } from "./ntdll.ts";
import { OLE32 } from "./ole32.ts";
import { PIPES } from "./pipes.ts";
import { PROGRAM } from "./program.ts";
import { USERENV } from "./userenv.ts";
import { VIRTDISK } from "./virtdisk.ts";
import { VMCOMPUTE } from "./vmcompute.ts";
import { VMCOMPUTE_HNS } from "./vmcompute-hns.ts";
import { VMCOMPUTE_LAYERS } from "./vmcompute-layers.ts";
import { WS2_32 } from "./ws2_32.ts";

export const NATIVE_LIBRARIES: readonly NativeLibrary[] = [
  ADVAPI32,
  BINDFLTAPI,
  CIMFS,
  COMPUTECORE,
  COMPUTENETWORK,
  COMPUTESTORAGE,
  KERNEL32,
  KERNEL32_FILES,
  KERNEL32_JOBS,
  KERNEL32_PROCESSES,
  NETAPI32,
  NTDLL,
  OLE32,
  PIPES,
  PROGRAM,
  USERENV,
  VIRTDISK,
  VMCOMPUTE,
  VMCOMPUTE_HNS,
  VMCOMPUTE_LAYERS,
  WS2_32,
];
